import { score, type Score } from "@saccade/core";
import { checkWhole } from "./checks.ts";

export interface AlibiOptions {
  /** Also keys after the query are penalised by their distance, for attention that is not causal. Default false. */
  readonly symmetric?: boolean | undefined;
}

/**
 * The slopes of ALiBi (Press et al., 2022), one a head: 2^(-8 (h + 1) / H) where H is a power of two. Otherwise those of the next lower power of
 * two P, then every other one of 2P, as in the authors' code.
 *
 * @returns [H], f32.
 * @throws RangeError when `heads` is no whole number of at least 1.
 */
export function alibi(heads: number): Float32Array {
  checkWhole("alibi: heads", heads, 1);
  const power = 2 ** Math.floor(Math.log2(heads));
  const slope = (count: number, i: number): number => 2 ** ((-8 * (i + 1)) / count);
  return Float32Array.from({ length: heads }, (_, h) =>
    h < power ? slope(power, h) : slope(2 * power, 2 * (h - power)),
  );
}

/**
 * ALiBi as a score: s - slope[h] (q - k). With `symmetric` the distance is |q - k|.
 *
 * @throws RangeError when `heads` is no whole number of at least 1.
 */
export function alibiScore(heads: number, { symmetric = false }: AlibiOptions = {}): Score {
  const slopes = alibi(heads);
  return symmetric ? score`s - ${slopes}[h] * abs(q - k)` : score`s - ${slopes}[h] * (q - k)`;
}
