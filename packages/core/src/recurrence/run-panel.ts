import type { RunInfo } from "../runtime/runtime.ts";
import { recur, type Steps } from "../selected/steps.ts";
import type { Tensor } from "../tensor.ts";
import type { Gate } from "./linear-attention.ts";
import type { LinearSizes, LinearState } from "./linear-state.ts";
import { asTensor } from "./map-rows.ts";
import type { TokenPanel } from "./panels.ts";
import type { Operands, RecurrenceSettings } from "./recurrence-settings.ts";
import type { Decay, RecurrenceJob, RecurrenceMode, RecurrenceShape, WriteRule } from "./recurrence.ts";
import { repeatedRow, tokenRows } from "./rows.ts";
import type { Scratch } from "./scratch.ts";

/** One panel of tokens. */
export function* runPanel<G extends Gate>(
  settings: RecurrenceSettings<G>,
  panel: TokenPanel<G>,
  state: LinearState,
  out: Tensor | undefined,
  mode: RecurrenceMode,
  scratch: Scratch,
): Steps<RunInfo> {
  const { from, to, b, bEnd, sizes } = panel;
  const part = (name: string): Float32Array | undefined => {
    const array = state.find(name);
    const each = array && array.length / state.sizes.batch;
    return each === undefined ? undefined : array!.subarray(b * each, bEnd * each);
  };
  const maximum = part("maximum");
  const operands = yield* settings.operands({ ...panel, mode, scratch, maximum });
  return yield* recur({
    ...jobTerms(settings, sizes, operands, to - from),
    mode,
    lengths: panel.lengths.every((length) => length === to - from) ? undefined : panel.lengths,
    state: part("memory")!,
    normaliser: part("normaliser"),
    out: out === undefined ? noOutput(sizes, to - from) : tokenRows(out, from, to, b, bEnd),
  });
}

/** Operands that are f32, as a runtime takes them. */
function jobTerms<G extends Gate>(
  settings: RecurrenceSettings<G>,
  sizes: LinearSizes,
  { q, k, v, decay, rule }: Operands,
  tokens: number,
): Pick<RecurrenceJob, "shape" | "q" | "k" | "v" | "scale" | "decay" | "rule"> {
  return {
    shape: shapeOf(settings, sizes, tokens),
    q: asTensor(q),
    k: asTensor(k),
    v: asTensor(v),
    scale: settings.scale(sizes.headDim),
    decay: decay.kind === "head" ? { kind: "head", log: Float32Array.from(decay.log) } : (decay as Decay),
    rule: rule as WriteRule,
  };
}

/** Sizes of the recurrence of a call. */
export function shapeOf<G extends Gate>(
  { features }: RecurrenceSettings<G>,
  sizes: LinearSizes,
  tokens: number,
): RecurrenceShape {
  return { ...sizes, tokens, headDim: features(sizes.headDim) };
}

/** What takes the place of an output that is not written. */
function noOutput({ batch, heads, valueHeads, valueDim }: LinearSizes, tokens: number): Tensor {
  return repeatedRow(new Float32Array(valueDim), batch, Math.max(heads, valueHeads), tokens);
}
