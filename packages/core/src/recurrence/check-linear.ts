import { checkDistinct, checkLength, checkSize, checkTensor, checkWidth, MAX_LENGTH, overlap } from "../shape.ts";
import { contiguous, describe, type Tensor } from "../tensor.ts";
import { checkHeadCounts, checkLengths, checkSizes } from "./check-recurrence.ts";
import type { Gate, LinearInputs, LinearSizeOptions, LinearTokens } from "./linear-attention.ts";
import { LinearState, type LinearSizes } from "./linear-state.ts";
import type { LinearCall, LinearVariant } from "./linear-variant.ts";

/** A call with the state that it writes. */
export interface CheckedCall<G extends Gate> {
  readonly call: LinearCall<G>;
  /** The call's own: what came before it, or nothing. */
  readonly state: LinearState;
}

/** @throws TypeError or RangeError naming `where` when the inputs of a call do not fit together. */
export function checkLinear<G extends Gate>(
  where: string,
  variant: LinearVariant<G>,
  inputs: LinearInputs<G>,
  keepsState: boolean,
): CheckedCall<G> {
  const call = checkTokens(where, variant, inputs, inputs.lengths);
  if (!variant.causal && (keepsState || inputs.state !== undefined)) {
    throw new TypeError(`${where}: there is no state where tokens see later ones`);
  }
  const state = new LinearState(variant.stateName ?? variant.name, call.sizes, variant.stateParts(call.sizes));
  if (inputs.state !== undefined) {
    if (!(inputs.state instanceof LinearState)) {
      throw new TypeError(`${where}: state is ${describe(inputs.state)}, expected a LinearState`);
    }
    if (!state.fits(inputs.state)) {
      throw new RangeError(`${where}: state is ${shown(inputs.state)}, expected ${shown(state)}`);
    }
    state.set(inputs.state);
  }
  checkMost(where, variant, call, state.tokens);
  return { call, state };
}

/** The tokens of a call and its gates. */
export function checkTokens<G extends Gate>(
  where: string,
  variant: LinearVariant<G>,
  inputs: LinearTokens<G>,
  lengths: ArrayLike<number> | undefined,
): LinearCall<G> {
  const { q, k, v } = inputs;
  checkNoPairs(where, inputs);
  for (const [what, view] of [
    ["q", q],
    ["k", k],
    ["v", v],
  ] as const)
    checkTensor(where, what, view);
  const sizes: LinearSizes = {
    batch: q.batch,
    heads: q.heads,
    kvHeads: k.heads,
    valueHeads: v.heads,
    headDim: q.width,
    valueDim: v.width,
  };
  checkHeadCounts(where, sizes);
  const tokens = q.length;
  checkLength(where, "q", "N", tokens);
  checkWidth(where, "q", "D", q.width);
  checkWidth(where, "v", "E", v.width);
  checkSizes(where, "k", k, [q.batch, k.heads, tokens, q.width]);
  checkSizes(where, "v", v, [q.batch, v.heads, tokens, v.width]);
  for (const gate of variant.gates) {
    checkSizes(where, gate.name, inputs[gate.name], [q.batch, gate.heads(sizes), tokens, gate.width(sizes)]);
  }
  variant.check?.(where, sizes);
  if (lengths !== undefined) checkLengths(where, lengths, q.batch, tokens);
  const each = Int32Array.from({ length: q.batch }, (_, b) => lengths?.[b] ?? tokens);
  return { where, sizes, tokens, inputs, lengths: each };
}

/** @throws TypeError for what only attention that looks at pairs can take. */
function checkNoPairs(where: string, inputs: object): void {
  const given = inputs as Readonly<Record<string, unknown>>;
  for (const name of ["bias", "mask", "queryOffset"]) {
    if (given[name] === undefined) continue;
    throw new TypeError(`${where}: there is no ${name} where a state stands for the keys`);
  }
  if (given["keyLengths"] === undefined) return;
  throw new TypeError(`${where}: keyLengths are lengths here, expected lengths`);
}

/** Whether a sequence may become that long. */
export function checkMost<G extends Gate>(
  where: string,
  { most = MAX_LENGTH }: LinearVariant<G>,
  { lengths }: LinearCall<G>,
  before: Int32Array,
): void {
  for (const [b, length] of lengths.entries()) {
    const all = before[b]! + length;
    if (all > most) throw new RangeError(`${where}: ${all} tokens in all, expected at most ${most}`);
  }
}

/** Where a call writes: what the caller gave, or a new array in the layout of q. */
export function roomForOut<G extends Gate>(
  where: string,
  { sizes, tokens, inputs }: LinearCall<G>,
  given: Tensor | undefined,
): Tensor {
  const { batch, heads, valueHeads, valueDim } = sizes;
  const most = Math.max(heads, valueHeads);
  if (given !== undefined) {
    checkSizes(where, "out", given, [batch, most, tokens, valueDim]);
    checkDistinct(where, given);
    for (const input of Object.values(inputs)) {
      if (isTensor(input) && overlap(given, input)) throw new RangeError(`${where}: out overlaps an input`);
    }
    return given;
  }
  const { layout } = inputs.q;
  return {
    data: new Float32Array(batch * most * tokens * valueDim),
    batch,
    heads: most,
    length: tokens,
    width: valueDim,
    layout,
    offset: 0,
    strides: contiguous(layout, most, tokens, valueDim),
  };
}

/** Sizes that a caller gives as numbers, with defaults. */
export function linearSizes(where: string, options: LinearSizeOptions): LinearSizes {
  const { heads, headDim } = options;
  const { batch = 1, kvHeads = heads, valueHeads = kvHeads, valueDim = headDim } = options;
  const sizes = { batch, heads, kvHeads, valueHeads, headDim, valueDim };
  for (const [what, size] of Object.entries(sizes)) checkSize(where, what, size, what.endsWith("Dim") ? 1 : 0);
  checkHeadCounts(where, sizes);
  return sizes;
}

function shown({ variant, sizes }: LinearState): string {
  return `one of ${variant} with [B, H, G, V, D, E] = [${Object.values(sizes).join(", ")}]`;
}

function isTensor(input: unknown): input is Tensor {
  return typeof input === "object" && input !== null && "strides" in input;
}
