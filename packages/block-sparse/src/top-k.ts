/** Up to this many are kept in order while scores pass by; for more, a threshold is found by counting. */
const FEW = 24;

/** Bits of a score's place in the order that are counted at a time. */
const DIGIT_BITS = 11;
const DIGITS = 2 ** DIGIT_BITS;

const best = new Float32Array(FEW);
const counts = new Int32Array(DIGITS);
let ordered = new Float32Array(0);

/**
 * The indices of the k largest of `count` scores from `at` on, ascending, into `out` from `to` on. Of equal scores those with the lowest
 * index are taken; NaN counts as -Infinity. All where there are no more than k.
 *
 * @returns how many were written.
 */
export function topKInto(
  scores: Float32Array,
  at: number,
  count: number,
  k: number,
  out: Int32Array,
  to: number,
): number {
  if (count <= k) {
    for (let j = 0; j < count; j++) out[to + j] = j;
    return count;
  }
  if (k <= FEW) fewOf(scores, at, count, k, out, to);
  else manyOf(scores, at, count, k, out, to);
  return k;
}

/** The best so far stay sorted; most scores are below the last of them. */
function fewOf(scores: Float32Array, at: number, count: number, k: number, out: Int32Array, to: number): void {
  if (k <= 0) return;
  best.fill(-Infinity, 0, k);
  let least = -Infinity;
  let filled = 0;
  for (let j = 0; j < count; j++) {
    const score = scores[at + j]!;
    if (score > least) {
      filled = Math.min(k, filled + 1);
      let place = filled - 1;
      for (; place > 0 && best[place - 1]! < score; place--) {
        best[place] = best[place - 1]!;
        out[to + place] = out[to + place - 1]!;
      }
      best[place] = score;
      out[to + place] = j;
      least = best[k - 1]!;
    }
  }
  if (filled < k) fillUp(scores, at, k - filled, out, to + filled);
  for (let n = 1; n < k; n++) {
    const index = out[to + n]!;
    let place = n;
    for (; place > 0 && out[to + place - 1]! > index; place--) out[to + place] = out[to + place - 1]!;
    out[to + place] = index;
  }
}

/** The first scores that are above nothing: -Infinity or NaN. */
function fillUp(scores: Float32Array, at: number, missing: number, out: Int32Array, to: number): void {
  for (let j = 0, written = 0; written < missing; j++) {
    if (!(scores[at + j]! > -Infinity)) out[to + written++] = j;
  }
}

/** Scores as integers of the same order: the k-th largest is found digit by digit, then everything above it is taken. */
function manyOf(scores: Float32Array, at: number, count: number, k: number, out: Int32Array, to: number): void {
  if (ordered.length < count) ordered = new Float32Array(2 * count);
  const bits = new Int32Array(ordered.buffer);
  for (let j = 0; j < count; j++) {
    const score = scores[at + j]!;
    // Adding 0 makes -0 equal to 0.
    ordered[j] = score > -Infinity ? score + 0 : -Infinity;
    const value = bits[j]!;
    bits[j] = value ^ ((value >> 31) & 0x7fff_ffff);
  }
  // The digits of the threshold that are known, as of an unsigned number.
  let [prefix, known, left] = [0, 0, k];
  for (let shift = 32 - DIGIT_BITS; known < 32; shift = Math.max(0, shift - DIGIT_BITS)) {
    const taken = Math.min(DIGIT_BITS, 32 - known);
    counts.fill(0);
    for (let j = 0; j < count; j++) {
      const value = (bits[j]! ^ 0x8000_0000) >>> 0;
      if (known > 0 && value >>> (32 - known) !== prefix) continue;
      counts[(value >>> shift) & ((1 << taken) - 1)]!++;
    }
    let digit = (1 << taken) - 1;
    for (; counts[digit]! < left; digit--) left -= counts[digit]!;
    prefix = prefix * 2 ** taken + digit;
    known += taken;
  }
  const threshold = (prefix ^ 0x8000_0000) | 0;
  let next = to;
  for (let j = 0; j < count; j++) {
    if (bits[j]! < threshold) continue;
    if (bits[j] === threshold && left-- <= 0) continue;
    out[next++] = j;
  }
}
