import type { LinearAttention } from "@saccade/core";
import { linearAttention, loopBytes, type LinearCall } from "@saccade/core/variants";
import { checkWhole, shown } from "../checks.ts";
import type { CompressiveCall } from "./compressive-call.ts";
import { compressivePairs, compressiveReference } from "./compressive-reference.ts";
import { compressiveSteps, PANEL } from "./compressive-steps.ts";

export interface CompressiveMemoryOptions {
  /** C: tokens of a segment. */
  readonly segment: number;
  /** Learned logits of the memory's share in the output, a number for each query head, [H]. Default 0: a half each. */
  readonly gates?: ArrayLike<number> | undefined;
  /** What a segment writes: its values, or what the memory does not recall of its keys yet. Default "linear". */
  readonly update?: "linear" | "delta" | undefined;
  /** Factor on q . k inside a segment. Default 1/sqrt(D). */
  readonly scale?: number | undefined;
}

/**
 * Infini-attention: softmax attention inside a segment, and a linear memory of all segments before it. With sigma = elu + 1 and the memory
 * M, z as the segment of the query finds it,
 *
 * ```text
 *   o = sigmoid(gate_h) sigma(q)' M / sigma(q) . z + (1 - sigmoid(gate_h)) softmax(scale q K') V
 *   M <- M + sigma(K)' V,  z <- z + sum_j sigma(k_j)                    when a segment ends
 *   M <- M + sigma(K)' (V - sigma(K) M / sigma(K) z)                    with update "delta"
 * ```
 *
 * Segments are those of the text, from token 0 on, however it is split into calls: a state keeps the keys and values of the one that has
 * not ended. The memory has no share before the first segment has ended, where 0 / 0 counts as 0. A result is a gated sum, and has no lse.
 * Needs as many value heads as key heads. A state holds D (E + 1) + C (D + E) numbers for each key head.
 *
 * Source: Munkhdalai et al. 2024, "Leave no context behind: efficient infinite context transformers with Infini-attention".
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example
 * const attend = compressiveMemory({ segment: 2048, gates });
 * const { out } = await attend.forward({ q, k, v });
 */
export function compressiveMemory(options: CompressiveMemoryOptions): LinearAttention {
  const name = "compressiveMemory";
  const { segment, gates, update = "linear", scale } = options;
  checkWhole(`${name}: segment`, segment, 1);
  if (update !== "linear" && update !== "delta") {
    throw new TypeError(`${name}: update is ${shown(update)}, expected "linear" or "delta"`);
  }
  if (scale !== undefined && !Number.isFinite(scale)) {
    throw new RangeError(`${name}: scale is ${shown(scale)}, expected a finite number`);
  }
  if (gates !== undefined && typeof gates.length !== "number") {
    throw new TypeError(`${name}: gates is ${shown(gates)}, expected a number for every query head`);
  }
  const given = gates && Float64Array.from(gates, (x) => 1 / (1 + Math.exp(-x)));
  const own = (call: LinearCall<never>): CompressiveCall => ({
    ...call,
    segment,
    delta: update === "delta",
    scale: scale ?? 1 / Math.sqrt(call.sizes.headDim),
    shares: given ?? new Float64Array(call.sizes.heads).fill(0.5),
  });
  return linearAttention({
    name,
    stateName: `${name} ${segment} ${update}`,
    gates: [],
    causal: true,
    check(where, { heads, kvHeads, valueHeads }) {
      if (valueHeads !== kvHeads || heads % Math.max(1, kvHeads) !== 0) {
        throw new RangeError(
          `${where}: H = ${heads}, G = ${kvHeads} and V = ${valueHeads}, expected V = G, which divides H`,
        );
      }
      if (given === undefined || given.length === heads) return;
      throw new RangeError(`${where}: gates has ${given.length} numbers, q has H = ${heads} heads`);
    },
    stateParts: ({ batch, kvHeads, headDim, valueDim }) => [
      { name: "memory", length: batch * kvHeads * headDim * valueDim },
      { name: "normaliser", length: batch * kvHeads * headDim },
      { name: "keys", length: batch * kvHeads * segment * headDim },
      { name: "values", length: batch * kvHeads * segment * valueDim },
    ],
    flops({ batch, heads, kvHeads, headDim, valueDim }, tokens) {
      const [whole, rest] = [Math.floor(tokens / segment), tokens % segment];
      const pairs = (whole * segment * (segment + 1) + rest * (rest + 1)) / 2;
      const written = whole * segment * kvHeads * (update === "delta" ? 2 : 1);
      const state = 2 * headDim * valueDim * (heads * tokens + written);
      return batch * (state + 2 * (headDim + valueDim) * heads * pairs);
    },
    workspaceBytes({ heads, kvHeads, headDim, valueDim }, tokens) {
      const panel = Math.min(tokens, segment, PANEL);
      const values = update === "delta" ? 2 : 1;
      const joined = kvHeads * Math.min(tokens, segment) * (headDim + values * valueDim);
      return 4 * (joined + panel * (heads + kvHeads) * (headDim + 2 * valueDim)) + loopBytes({ headDim, valueDim });
    },
    steps: (call, state, out) => compressiveSteps(own(call), state, out),
    reference: (call, state) => compressiveReference(own(call), state),
    parallel: (call, state, f32) => compressivePairs(own(call), state, f32),
  });
}
