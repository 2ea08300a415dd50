/** Up to this many are kept while scores pass by; of more, those that may be among them are put aside. */
const FEW = 24;

const best = new Float32Array(FEW);
/** Scores put aside with their indices, and room to reorder them. */
let [candidates, values, places] = [new Float32Array(0), new Float32Array(0), new Int32Array(0)];

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

/**
 * Scores above the k-th best so far are put aside. When there are twice as many as asked for, those that are not among the best k leave, and
 * the bar rises: most scores are looked at once.
 */
function manyOf(scores: Float32Array, at: number, count: number, k: number, out: Int32Array, to: number): void {
  const most = Math.min(count, 2 * k);
  if (candidates.length < most)
    [candidates, values, places] = [new Float32Array(most), new Float32Array(most), new Int32Array(most)];
  // Views that do not change are faster in locals.
  const [aside, indices] = [candidates, places];
  let filled = 0;
  for (; filled < k; filled++) {
    const score = scores[at + filled]!;
    aside[filled] = score > -Infinity ? score : -Infinity;
    indices[filled] = filled;
  }
  let least = -Infinity;
  const end = at + count;
  for (let from = at + k; ; from++) {
    from = firstAbove(scores, from, end, least);
    if (from === end) break;
    aside[filled] = scores[from]!;
    indices[filled++] = from - at;
    if (filled < most) continue;
    least = keepBest(filled, k);
    filled = k;
  }
  if (filled > k) keepBest(filled, k);
  for (let n = 0; n < k; n++) out[to + n] = indices[n]!;
}

/** The first index from `from` on whose score is above a bar, or `end`: a loop of its own, since most of the time is spent in it. */
function firstAbove(scores: Float32Array, from: number, end: number, bar: number): number {
  let at = from;
  while (at < end && !(scores[at]! > bar)) at++;
  return at;
}

/** Keeps the k best of what was put aside, in its order, of equal ones the first. Returns the least of them. */
function keepBest(filled: number, k: number): number {
  const [aside, indices] = [candidates, places];
  values.set(aside.subarray(0, filled));
  const least = largest(values, filled, k);
  let equal = k;
  for (let n = 0; n < filled; n++) if (aside[n]! > least) equal--;
  for (let n = 0, next = 0; next < k; n++) {
    const score = aside[n]!;
    if (score < least || (score === least && equal-- <= 0)) continue;
    aside[next] = score;
    indices[next++] = indices[n]!;
  }
  return least;
}

/** The k-th largest of `count` numbers, which it moves: both sides of a pivot, and then the side where it is. */
function largest(numbers: Float32Array, count: number, k: number): number {
  let [low, high] = [0, count - 1];
  while (low < high) {
    const pivot = middleOf(numbers[low]!, numbers[(low + high) >> 1]!, numbers[high]!);
    let [left, right] = [low, high];
    while (left <= right) {
      while (numbers[left]! > pivot) left++;
      while (numbers[right]! < pivot) right--;
      if (left > right) break;
      const moved = numbers[left]!;
      numbers[left++] = numbers[right]!;
      numbers[right--] = moved;
    }
    if (k - 1 <= right) high = right;
    else if (k - 1 >= left) low = left;
    else return numbers[k - 1]!;
  }
  return numbers[k - 1]!;
}

function middleOf(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
