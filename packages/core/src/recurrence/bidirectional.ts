import type { RunInfo } from "../runtime/runtime.ts";
import { recur, type Steps } from "../selected/steps.ts";
import { floatsOf, type Tensor } from "../tensor.ts";
import type { Gate } from "./linear-attention.ts";
import type { LinearState } from "./linear-state.ts";
import type { LinearCall } from "./linear-variant.ts";
import { asTensor, mapRows } from "./map-rows.ts";
import { panelsOf } from "./panels.ts";
import { recurrenceReference, type RecurrenceTerms } from "./recurrence-reference.ts";
import type { RecurrenceSettings } from "./recurrence-settings.ts";
import { contiguousRows, numbersOf, rowAt, type Rows } from "./rows.ts";
import { runPanel } from "./run-panel.ts";
import { Scratch } from "./scratch.ts";

/**
 * Attention to tokens on both sides. Without a decay all tokens write the state before any reads it. With a decay by head there are two
 * walks, since what a token weighs depends on its distance on either side:
 *
 * ```text
 *   o_t = sum_(j <= t) w^(t - j) (q_t . k_j) v_j  +  sum_(j > t) w^(j - t) (q_t . k_j) v_j
 * ```
 *
 * The second sum is the recurrence over the tokens in reverse order, where each finds what those after it wrote: keys and values move on by
 * a token, and values shrink by w once.
 */
export function* bidirectionalSteps<G extends Gate>(
  settings: RecurrenceSettings<G>,
  call: LinearCall<G>,
  state: LinearState,
  out: Tensor,
): Steps<RunInfo | undefined> {
  const scratch = new Scratch(false);
  const bytes = settings.operandBytes(call.sizes);
  let info: RunInfo | undefined;
  if (settings.headDecay === undefined) {
    for (const panel of panelsOf(call, state.tokens, bytes)) {
      yield* runPanel(settings, panel, state, undefined, "write", scratch);
    }
    for (const panel of panelsOf(call, state.tokens, bytes)) {
      info = yield* runPanel(settings, panel, state, out, "read", scratch);
    }
    return info;
  }
  for (const panel of panelsOf(call, state.tokens, bytes)) {
    yield* runPanel(settings, panel, state, out, "write-and-read", scratch);
  }
  return yield* backwards(settings, call, out, scratch);
}

/** Adds what later tokens give, panel by panel in reverse order, one batch element at a time. */
function* backwards<G extends Gate>(
  settings: RecurrenceSettings<G>,
  { sizes, tokens, inputs, lengths }: LinearCall<G>,
  out: Tensor,
  scratch: Scratch,
): Steps<RunInfo | undefined> {
  const { heads, kvHeads, valueHeads, headDim, valueDim } = sizes;
  const log = settings.headDecay!(valueHeads);
  const panel = Math.min(tokens, PANEL);
  let info: RunInfo | undefined;
  for (let b = 0; b < sizes.batch; b++) {
    const memory = new Float32Array(valueHeads * headDim * valueDim);
    const length = lengths[b]!;
    for (let from = 0; from < length; from += panel) {
      const count = Math.min(panel, length - from);
      const order = { b, last: length - 1 - from, count, length };
      const q = yield* reversed(inputs.q, order, 0, scratch, "q");
      const k = yield* reversed(inputs.k, order, 1, scratch, "k");
      const v = yield* reversed(inputs.v, order, 1, scratch, "v", log);
      const most = Math.max(heads, valueHeads);
      const target = scratch.take("out", most * count * valueDim);
      const part = contiguousRows(target, [1, most, count, valueDim]);
      info = yield* recur({
        shape: { batch: 1, heads, kvHeads, valueHeads, tokens: count, headDim, valueDim },
        q: asTensor(q),
        k: asTensor(k),
        v: asTensor(v),
        scale: settings.scale(headDim),
        decay: { kind: "head", log: Float32Array.from(log) },
        rule: { kind: "additive" },
        mode: "write-and-read",
        lengths: undefined,
        state: memory,
        normaliser: undefined,
        out: asTensor(part),
      });
      addReversed(out, target, order);
    }
  }
  return info;
}

/** Tokens of a panel of the walk back. */
const PANEL = 512;

/** Tokens last, last - 1, ... of a batch element that has `length` of them. */
interface Order {
  readonly b: number;
  readonly last: number;
  readonly count: number;
  readonly length: number;
}

/** Tokens in reverse order, each replaced by the one `ahead` after it (0 where there is none), times e^log of its head. */
function* reversed(
  view: Rows,
  { b, last, count, length }: Order,
  ahead: number,
  scratch: Scratch,
  name: string,
  log?: Float64Array,
): Steps<Rows> {
  const one: Rows = { ...view, batch: 1, length: count };
  return yield* mapRows(one, view.width, scratch, name, ({ source, target, h, n, to }) => {
    const token = last - n + ahead;
    const from = rowAt(view, b, h, token);
    const factor = log === undefined ? 1 : Math.exp(log[h]!);
    for (let d = 0; d < view.width; d++) target[to + d] = token < length ? factor * source[from + d]! : 0;
  });
}

function addReversed(out: Tensor, part: Float32Array | Float64Array, { b, last, count }: Order): void {
  const [floats, { width }] = [floatsOf(out), out];
  for (let h = 0; h < out.heads; h++) {
    for (let n = 0; n < count; n++) {
      const [at, from] = [rowAt(out, b, h, last - n), (h * count + n) * width];
      for (let e = 0; e < width; e++) floats[at + e]! += part[from + e]!;
    }
  }
}

/** The definition: both walks in float64. */
export function bidirectionalReference<G extends Gate>(
  settings: RecurrenceSettings<G>,
  terms: RecurrenceTerms,
): Float64Array {
  if (settings.headDecay === undefined) {
    const written = recurrenceReference({ ...terms, mode: "write" });
    return recurrenceReference({ ...terms, ...written, mode: "read" }).out;
  }
  const { out } = recurrenceReference(terms);
  const { shape, lengths } = terms;
  const factors = settings.headDecay(shape.valueHeads);
  const most = Math.max(shape.heads, shape.valueHeads);
  const E = shape.valueDim;
  for (let b = 0; b < shape.batch; b++) {
    const length = lengths?.[b] ?? shape.tokens;
    const turn = (rows: Rows, ahead: number, log?: Float64Array): Rows => turned(rows, b, length, ahead, log);
    const back = recurrenceReference({
      ...terms,
      shape: { ...shape, batch: 1, tokens: length },
      q: turn(terms.q, 0),
      k: turn(terms.k, 1),
      v: turn(terms.v, 1, factors),
      lengths: undefined,
      state: new Float64Array(shape.valueHeads * shape.headDim * E),
    });
    for (let o = 0; o < most; o++) {
      for (let t = 0; t < length; t++) {
        const [at, from] = [((b * most + o) * shape.tokens + t) * E, (o * length + length - 1 - t) * E];
        for (let e = 0; e < E; e++) out[at + e]! += back.out[from + e]!;
      }
    }
  }
  return out;
}

/** A batch element's tokens in reverse order, in float64. */
function turned(view: Rows, b: number, length: number, ahead: number, log: Float64Array | undefined): Rows {
  const { heads, width } = view;
  const target = new Float64Array(heads * length * width);
  for (let h = 0; h < heads; h++) {
    const factor = log === undefined ? 1 : Math.exp(log[h]!);
    for (let n = 0; n < length; n++) {
      const token = length - 1 - n + ahead;
      if (token >= length) continue;
      const from = rowAt(view, b, h, token);
      for (let d = 0; d < width; d++) target[(h * length + n) * width + d] = factor * numbersOf(view)[from + d]!;
    }
  }
  return contiguousRows(target, [1, heads, length, width]);
}
