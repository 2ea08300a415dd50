/**
 * The logit a matching key needs. Keys are hashed, so a key that does not match still has a cosine of variance 1 / D with the query,
 * and N of them weigh N e^(gain^2 / (2 D)) together against the e^gain of one match. The gain solves
 *
 * ```text
 *   gain - gain^2 / (2 D) = ln N + margin
 * ```
 *
 * so that a single match holds about 1 / (1 + e^-margin) of the attention. Where D is too small for N the left side stays below
 * the right one; its maximum is at gain = D, which is returned.
 */
export function matchGain(length: number, width: number, margin: number): number {
  const needed = Math.log(Math.max(length, 1)) + margin;
  const inside = 1 - (2 * needed) / width;
  return inside <= 0 ? width : width * (1 - Math.sqrt(inside));
}
