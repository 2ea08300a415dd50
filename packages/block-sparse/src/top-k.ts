/** Up to this many are kept while scores pass by; for more, a threshold is found by counting. */
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
  if (k <= 3) threeOf(scores, at, count, k, out, to);
  else if (k <= FEW) fewOf(scores, at, count, k, out, to);
  else manyOf(scores, at, count, k, out, to);
  return k;
}

/** The best three in variables, and of them the first k: where lists are many and short, this is most of the time. */
function threeOf(scores: Float32Array, at: number, count: number, k: number, out: Int32Array, to: number): void {
  let [a, b, c] = [-Infinity, -Infinity, -Infinity];
  let [first, second, third] = [-1, -1, -1];
  for (let j = 0; j < count; j++) {
    const score = scores[at + j]!;
    if (!(score > c)) continue;
    if (!(score > b)) {
      c = score;
      third = j;
      continue;
    }
    c = b;
    third = second;
    if (score > a) {
      b = a;
      second = first;
      a = score;
      first = j;
    } else {
      b = score;
      second = j;
    }
  }
  if (k > 0) out[to] = first;
  if (k > 1) out[to + 1] = second;
  if (k > 2) out[to + 2] = third;
  // What is above nothing is -Infinity or NaN.
  let missing = (k > 2 && third < 0 ? 1 : 0) + (k > 1 && second < 0 ? 1 : 0) + (k > 0 && first < 0 ? 1 : 0);
  for (let j = 0; missing > 0; j++) if (!(scores[at + j]! > -Infinity)) out[to + k - missing--] = j;
  ascend(out, to, k);
}

/** Insertion: k is small. */
function ascend(list: Int32Array, from: number, k: number): void {
  for (let n = from + 1; n < from + k; n++) {
    const value = list[n]!;
    let place = n;
    for (; place > from && list[place - 1]! > value; place--) list[place] = list[place - 1]!;
    list[place] = value;
  }
}

/** The best so far stay sorted; most scores are below the last of them. */
function fewOf(scores: Float32Array, at: number, count: number, k: number, out: Int32Array, to: number): void {
  const kept = best;
  let filled = 0;
  let least = -Infinity;
  for (let j = 0; j < count; j++) {
    const given = scores[at + j]!;
    if (filled === k && !(given > least)) continue;
    const score = given > -Infinity ? given : -Infinity;
    let place = filled < k ? filled++ : k - 1;
    for (; place > 0 && kept[place - 1]! < score; place--) {
      kept[place] = kept[place - 1]!;
      out[to + place] = out[to + place - 1]!;
    }
    kept[place] = score;
    out[to + place] = j;
    if (filled === k) least = kept[k - 1]!;
  }
  ascend(out, to, k);
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
