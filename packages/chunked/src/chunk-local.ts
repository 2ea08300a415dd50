import type { Attention } from "@saccade/core";
import { softmaxAttention, type Rotary } from "@saccade/core/variants";
import { causalTurning } from "./causal-turning.ts";
import { checkWhole, shown } from "./checks.ts";
import { chunkReach, chunkSchedule } from "./chunk-schedule.ts";
import { commonTerms, type CommonOptions } from "./common-options.ts";

export interface ChunkLocalOptions extends CommonOptions {
  /** C: positions of a chunk. */
  readonly chunk: number;
  /** Positions by which chunks begin earlier, 0 to C - 1: the first one is that much shorter. Default 0. */
  readonly shift?: number | undefined;
  /** Turns queries and keys, which come unturned, by their positions in the text. Default: they are taken as they are. */
  readonly rotary?: Rotary | undefined;
}

/**
 * Causal attention inside chunks (Llama 4's local layers): query q sees key k when
 *
 * ```text
 *   floor((q + shift) / C) == floor((k + shift) / C)   and   k <= q
 * ```
 *
 * Chunks do not look at each other: what passes between them passes through other layers, with dense attention, or with chunks shifted by
 * C / 2. Positions are those of the text, whatever the call. A row costs (C + 1) / 2 pairs on average, a decoder keeps C + `rewindable`
 * keys whatever the length. This is not chunked prefill, which is exact: see `chunkedPrefill`.
 *
 * Source: Llama 4 (Meta, 2025); `chunked_overlay` in Hugging Face transformers.
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example
 * const attend = chunkLocal({ chunk: 8192 });
 * const { out } = await attend.forward({ q, k, v });
 */
export function chunkLocal(options: ChunkLocalOptions): Attention {
  const { chunk, shift = 0, rotary } = options;
  checkWhole("chunkLocal: chunk", chunk, 1);
  if (!Number.isInteger(shift) || shift < 0 || shift >= chunk) {
    throw new RangeError(`chunkLocal: shift is ${shown(shift)}, expected an integer in 0..C - 1 = ${chunk - 1}`);
  }
  const reach = chunkReach(chunk, shift, 0);
  return softmaxAttention({
    name: "chunkLocal",
    selection: "static",
    visibility: { reach, mask: undefined },
    turning: rotary && causalTurning(rotary),
    retention: { sinks: 0, recent: chunk },
    ...commonTerms("chunkLocal", options),
    schedule: (shape, at, pairTerms) => chunkSchedule(shape, at, reach, pairTerms),
  });
}
