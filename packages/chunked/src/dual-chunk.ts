import type { Attention } from "@saccade/core";
import { softmaxAttention, UNBOUNDED, type Rotary, type Turning } from "@saccade/core/variants";
import { checkWhole, shown } from "./checks.ts";
import { modulo } from "./chunk-rows.ts";
import { commonTerms, type CommonOptions } from "./common-options.ts";
import { dualChunkSchedule, FAR, NEXT, OWN } from "./dual-chunk-schedule.ts";

export interface DualChunkOptions extends CommonOptions {
  /** L: the largest distance that scores see; at most what the model was trained on. Qwen2.5-1M: 262144. */
  readonly chunk: number;
  /** W: distances below this are true ones, also across the border of two cycles. 0 <= W < L. Qwen2.5-1M: 8192. */
  readonly local: number;
  /** Turns queries and keys, which come unturned. `rope()` of @saccade/positions makes one. */
  readonly rotary: Rotary;
}

/**
 * Dual chunk attention: causal attention over any length whose rotations never see a distance above L. Positions run in cycles of
 * c = L - W; a key is turned by its place in its cycle, a query in three ways, by how far away the key's cycle is:
 *
 * ```text
 *   key k                                           k mod c
 *   query q, same cycle                             q mod c
 *   query q, the cycle before     (successive)      min(q mod c + c, L)
 *   query q, all cycles before    (inter)           min(2c - 1, L)
 * ```
 *
 * so that distances inside a cycle, and below W across one border, are true ones, and all others between 1 and L.
 *
 * Source: An et al. 2024, "Training-free long-context scaling of large language models", as in Qwen2.5-1M and vLLM, whose `chunk_size` and
 * `local_size` are L and W. The paper counts otherwise: its chunk size s is the cycle, and it never exceeds c' - 1 for a pretraining length
 * c': `dualChunk({ chunk: c' - 1, local: c' - 1 - s })` is the same where 2s >= c'. The scaling by length of Qwen2.5-1M is a score:
 * ``score`s * max(1, 0.1 * log((q + 1) / 262144) + 1)` ``.
 *
 * Costs what causal attention costs, and turns queries three times; a decoder keeps all keys.
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example
 * const attend = dualChunk({ chunk: 262_144, local: 8192, rotary: rope({ dim: 128, base: 10_000_000 }) });
 * const { out } = await attend.forward({ q, k, v });
 */
export function dualChunk(options: DualChunkOptions): Attention {
  const { chunk, local, rotary } = options;
  checkWhole("dualChunk: chunk", chunk, 1);
  if (!Number.isInteger(local) || local < 0 || local >= chunk) {
    throw new RangeError(`dualChunk: local is ${shown(local)}, expected an integer in 0..L - 1 = ${chunk - 1}`);
  }
  if (typeof rotary?.rotation !== "function") {
    throw new TypeError(`dualChunk: rotary is ${shown(rotary)}, expected what turns queries and keys, as rope() makes`);
  }
  const cycle = chunk - local;
  return softmaxAttention({
    name: "dualChunk",
    selection: "static",
    visibility: { reach: { ...UNBOUNDED, ahead: 0 }, mask: undefined },
    turning: dualChunkTurning(rotary, chunk, cycle),
    operandOf: (q, k) => [OWN, NEXT, FAR][Math.min(2, Math.floor(q / cycle) - Math.floor(k / cycle))]!,
    ...commonTerms("dualChunk", options),
    schedule: (shape, at, pairTerms) => dualChunkSchedule(shape, at, cycle, pairTerms),
  });
}

/** Positions by which keys and the three operands of queries are turned. */
export function dualChunkTurning(rotary: Rotary, chunk: number, cycle: number): Turning {
  const own = (position: number): number => modulo(position, cycle);
  const next = (position: number): number => Math.min(modulo(position, cycle) + cycle, chunk);
  const far = (): number => Math.min(2 * cycle - 1, chunk);
  return { rotary, key: own, queries: [own, next, far] };
}
