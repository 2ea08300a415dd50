/**
 * Which blocks are kept of those with scores s_j, 1 for kept: with p = softmax over the judged ones, the fewest of these whose p sum to
 * tau at least, of equal ones the lower; all that are not judged; and those from `own` on, whose p count first.
 */
export function smallestSet(
  scores: Float32Array | Float64Array,
  tau: number,
  judged: (j: number) => boolean,
  own: number,
): Uint8Array {
  const keep = new Uint8Array(scores.length);
  const candidates: number[] = [];
  let most = -Infinity;
  for (let j = 0; j < scores.length; j++) {
    if (!judged(j)) keep[j] = 1;
    else if (scores[j]! > most) most = scores[j]!;
  }
  let [sum, kept] = [0, 0];
  const mass = new Float64Array(scores.length);
  for (let j = 0; j < scores.length; j++) {
    if (keep[j] === 1) continue;
    mass[j] = scores[j]! > -Infinity ? Math.exp(scores[j]! - most) : 0;
    sum += mass[j]!;
    if (j < own) {
      candidates.push(j);
      continue;
    }
    keep[j] = 1;
    kept += mass[j]!;
  }
  candidates.sort((x, y) => mass[y]! - mass[x]! || x - y);
  for (const j of candidates) {
    if (kept >= tau * sum) break;
    keep[j] = 1;
    kept += mass[j]!;
  }
  return keep;
}
