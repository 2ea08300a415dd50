import type { RunInfo } from "../runtime/runtime.ts";
import type { Steps } from "../selected/steps.ts";
import type { Tensor } from "../tensor.ts";
import { bidirectionalReference, bidirectionalSteps } from "./bidirectional.ts";
import type { Gate, LinearReference } from "./linear-attention.ts";
import type { LinearSizes, LinearState, StatePart } from "./linear-state.ts";
import type { LinearCall, LinearVariant } from "./linear-variant.ts";
import { panelBytes, panelsOf } from "./panels.ts";
import { parallelForm } from "./parallel-form.ts";
import { recurrenceReference, type RecurrenceTerms } from "./recurrence-reference.ts";
import { loopBytes } from "./recur.ts";
import type { RecurrenceSettings } from "./recurrence-settings.ts";
import type { RecurrenceMode } from "./recurrence.ts";
import { runPanel, shapeOf } from "./run-panel.ts";
import { Scratch } from "./scratch.ts";

/** A variant whose calls are one recurrence, run panel by panel where its operands have to be made. */
export function recurrenceVariant<G extends Gate>(settings: RecurrenceSettings<G>): LinearVariant<G> {
  const { name, stateName, gates, causal, most, check } = settings;
  return {
    name,
    stateName,
    gates,
    causal,
    most,
    check,
    stateParts: (sizes) => partsOf(settings, sizes),
    flops(sizes, tokens) {
      const { batch, heads, valueHeads, headDim, valueDim } = sizes;
      const numbers = batch * tokens * settings.features(headDim) * valueDim;
      const written = (2 + settings.ruleFlops) * valueHeads;
      const passes = causal || settings.headDecay === undefined ? 1 : 2;
      return passes * numbers * (2 * Math.max(heads, valueHeads) + written);
    },
    workspaceBytes: (sizes, tokens) =>
      panelBytes(sizes, tokens, settings.operandBytes(sizes)) + loopBytes(shapeOf(settings, sizes, tokens)),
    steps: (call, state, out) =>
      causal ? panelSteps(settings, call, state, out) : bidirectionalSteps(settings, call, state, out!),
    reference(call, state): LinearReference {
      const { terms, maximum } = exactTerms(settings, call, state);
      if (!causal) return { out: bidirectionalReference(settings, terms), state: {} };
      const { out, state: memory, normaliser } = recurrenceReference(terms);
      return {
        out,
        state: { memory, ...(normaliser && { normaliser }), ...(maximum && { maximum }) },
      };
    },
    parallel(call, state, f32) {
      const { terms } = exactTerms(settings, call, state);
      return parallelForm(terms, { causal, f32 });
    },
  };
}

function partsOf<G extends Gate>(
  { features, normalised, relative }: RecurrenceSettings<G>,
  { batch, kvHeads, valueHeads, headDim, valueDim }: LinearSizes,
): StatePart[] {
  const rows = batch * valueHeads * features(headDim);
  const parts: StatePart[] = [{ name: "memory", length: rows * valueDim }];
  if (normalised) parts.push({ name: "normaliser", length: rows });
  if (relative) parts.push({ name: "maximum", length: batch * kvHeads, initial: -Infinity });
  return parts;
}

/** Tokens through a state, panel by panel. */
function* panelSteps<G extends Gate>(
  settings: RecurrenceSettings<G>,
  call: LinearCall<G>,
  state: LinearState,
  out: Tensor | undefined,
): Steps<RunInfo | undefined> {
  const scratch = new Scratch(false);
  const mode: RecurrenceMode = out === undefined ? "write" : "write-and-read";
  let info: RunInfo | undefined;
  for (const panel of panelsOf(call, state.tokens, settings.operandBytes(call.sizes))) {
    info = yield* runPanel(settings, panel, state, out, mode, scratch);
  }
  return info;
}

/** All tokens of a call as the definition takes them. */
function exactTerms<G extends Gate>(
  settings: RecurrenceSettings<G>,
  call: LinearCall<G>,
  state: LinearState,
): { readonly terms: RecurrenceTerms; readonly maximum: Float64Array | undefined } {
  const { where, sizes, tokens, inputs, lengths } = call;
  const given = state.find("maximum");
  const maximum = given && Float64Array.from(given);
  const mode = "write-and-read" as const;
  const scratch = new Scratch(true);
  const operands = finished(
    settings.operands({ where, sizes, inputs, before: state.tokens, lengths, mode, scratch, maximum }),
  );
  const terms: RecurrenceTerms = {
    ...operands,
    shape: shapeOf(settings, sizes, tokens),
    scale: settings.scale(sizes.headDim),
    mode,
    lengths,
    state: state.part("memory"),
    normaliser: state.find("normaliser"),
  };
  return { terms, maximum };
}

/** The end of steps that ask for nothing but turns for the event loop. */
export function finished<R>(steps: Steps<R>): R {
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    if (step.value.kind !== "pause") throw new TypeError(`finished: expected no ${step.value.kind} in float64`);
  }
}
