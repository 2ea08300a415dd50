import type { LinearAttention } from "@saccade/core";
import { linearAttention, loopBytes, scalarGate, type LinearCall } from "@saccade/core/variants";
import { perRootOfWidth, scaleOf, shown } from "../checks.ts";
import type { ScaleOption } from "../common-options.ts";
import { logLinearPairs, logLinearReference } from "./log-linear-reference.ts";
import { logLinearSteps } from "./log-linear-steps.ts";
import type { LogLinearCall, LogLinearGate } from "./log-linear-variant.ts";

export interface LogLinearOptions extends ScaleOption {
  /** L, 1 to 30: levels of the tree. A sequence has at most 2^(L - 1) tokens. */
  readonly levels: number;
}

/**
 * Log-linear attention: a state for every level of a Fenwick tree over the tokens, so that the near past is remembered in short stretches
 * of text and the far past in long ones. Query t cuts the tokens before it by the bits of t; each stretch is a gated linear attention of
 * its own, with a weight that the query decides:
 *
 * ```text
 *   o_t = scale sum_(j <= t) lambda_t[level(t, j)] e^(decay_(j+1) + ... + decay_t) (q_t . k_j) v_j
 *   level(t, t) = 0,  level(t, j) = 1 + the highest bit in which t and j differ
 * ```
 *
 * Calls bring `decay`, [B, V, N, 1], and `levels`, [B, max(H, V), N, L], the weights lambda. With all of them 1 this is `scalarGated`.
 * Scale 1/sqrt(D). A state holds L - 1 times what `scalarGated`'s does; a token costs one read for every 1 among the bits of its position,
 * log2(N) / 2 on average, and as many writes.
 *
 * Source: Guo et al. 2025, "Log-linear attention".
 *
 * @throws RangeError when `levels` is no integer in 1..30; calls throw one when a sequence becomes longer than 2^(L - 1).
 * @example
 * const attend = logLinear({ levels: 13 });
 * const { out } = await attend.forward({ q, k, v, decay, levels });
 */
export function logLinear(options: LogLinearOptions): LinearAttention<LogLinearGate> {
  const name = "logLinear";
  const { levels } = options;
  if (!Number.isInteger(levels) || levels < 1 || levels > 30) {
    throw new RangeError(`${name}: levels is ${shown(levels)}, expected an integer in 1..30`);
  }
  const scale = scaleOf(name, options.scale, perRootOfWidth);
  const own = (call: LinearCall<LogLinearGate>): LogLinearCall => ({
    ...call,
    levels,
    scale: scale(call.sizes.headDim),
  });
  return linearAttention<LogLinearGate>({
    name,
    stateName: `${name} ${levels}`,
    gates: [
      scalarGate("decay" as const),
      { name: "levels", heads: ({ heads, valueHeads }) => Math.max(heads, valueHeads), width: () => levels },
    ],
    causal: true,
    most: 2 ** (levels - 1),
    stateParts: ({ batch, valueHeads, headDim, valueDim }) => [
      { name: "memory", length: batch * (levels - 1) * valueHeads * headDim * valueDim },
    ],
    flops({ batch, heads, valueHeads, headDim, valueDim }, tokens) {
      const [reads, writes] = visits(tokens);
      return 2 * batch * headDim * valueDim * (Math.max(heads, valueHeads) * reads + valueHeads * writes);
    },
    workspaceBytes: ({ heads, valueHeads, headDim, valueDim }) =>
      4 * valueDim * (512 * Math.max(heads, valueHeads) + 2 * valueHeads * headDim) +
      4 * 2 ** 20 +
      loopBytes({ headDim, valueDim }),
    steps: (call, state, out) => logLinearSteps(own(call), state, out),
    reference: (call, state) => logLinearReference(own(call), state),
    parallel: (call, state, f32) => logLinearPairs(own(call), state, f32),
  });
}

/**
 * Reads of states by the queries of tokens 0..N - 1, and writes: one for each stretch, and one for each level below it that a first half is
 * on.
 */
function visits(tokens: number): readonly [reads: number, writes: number] {
  let reads = 0;
  let writes = tokens;
  for (let bit = 0; 2 ** bit < tokens; bit++) {
    const [period, length] = [2 ** (bit + 1), 2 ** bit];
    const whole = Math.floor(tokens / period);
    reads += whole * length + Math.max(0, (tokens % period) - length);
    // First halves whose second half begins inside the same stretch.
    writes += whole * length;
  }
  return [reads, writes];
}
