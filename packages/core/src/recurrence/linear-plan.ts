import { checkLength, checkSize } from "../shape.ts";
import { linearSizes } from "./check-linear.ts";
import type { Gate, LinearPlan, LinearPlanShape } from "./linear-attention.ts";
import type { LinearSizes } from "./linear-state.ts";
import type { LinearVariant } from "./linear-variant.ts";

/** The cost of a call of a variant. */
export function planLinear<G extends Gate>(variant: LinearVariant<G>, options: LinearPlanShape): LinearPlan {
  const where = `${variant.name}.plan`;
  const sizes = linearSizes(where, options);
  variant.check?.(where, sizes);
  const { queries, rewindable = 0 } = options;
  checkLength(where, "shape", "N", checkSize(where, "queries", queries, 0));
  checkSize(where, "rewindable", rewindable, 0);
  const stateBytes = bytesOfState(variant, sizes);
  return {
    flops: variant.flops(sizes, queries),
    bytesRead: queries * (tokenBytes(variant, sizes) + 4 * sizes.batch * sizes.heads * sizes.headDim) + stateBytes,
    workspaceBytes: variant.workspaceBytes(sizes, queries) + stateBytes,
    cacheBytes: cacheBytes(variant, sizes, rewindable),
    stateBytes,
    exact: true,
  };
}

function bytesOfState<G extends Gate>({ stateParts }: LinearVariant<G>, sizes: LinearSizes): number {
  return stateParts(sizes).reduce((sum, { length }) => sum + 4 * length, 4 * sizes.batch);
}

/** What a decoder keeps: its state, and to take tokens back an older one with up to 2 `rewindable` tokens after it. */
export function cacheBytes<G extends Gate>(variant: LinearVariant<G>, sizes: LinearSizes, rewindable: number): number {
  const state = bytesOfState(variant, sizes);
  return rewindable === 0 ? state : 2 * state + 2 * rewindable * tokenBytes(variant, sizes);
}

/** Keys, values and gates of a token. */
function tokenBytes<G extends Gate>({ gates }: LinearVariant<G>, sizes: LinearSizes): number {
  const { batch, kvHeads, valueHeads, headDim, valueDim } = sizes;
  const gated = gates.reduce((sum, gate) => sum + gate.heads(sizes) * gate.width(sizes), 0);
  return 4 * batch * (kvHeads * headDim + valueHeads * valueDim + gated);
}
