import { setImmediate } from "node:timers/promises";
import type { Tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";
import type { Slice } from "../input/input.ts";

/** Dense causal attention in float64 at P positions of H heads. */
export interface DenseRows {
  /** [P, H, E] */
  readonly out: Float64Array;
  /** [P, H], natural logarithm. */
  readonly lse: Float64Array;
}

/** Keys that are looked at together: their numbers as float64 stay in a core's cache for all rows. */
const BLOCK = 256;
const YIELD_MS = 50;

/**
 * Rows of dense causal attention at scale 1 / sqrt(D), in float64 whatever the length:
 *
 * ```text
 *   s_j = q . k_j / sqrt(D)   lse = ln sum_j e^(s_j)   out = sum_j e^(s_j - lse) v_j       j = 0 .. position
 * ```
 *
 * Keys are passed once, in blocks; a row keeps its largest score m so far, sum e^(s - m) and sum e^(s - m) v, and multiplies both by
 * e^(m - m') where a block raises it to m'. Inside a block sums are plain, over blocks compensated (Neumaier 1974), so that the rounding
 * error stays below about 300 x 2^-53 of the sum of magnitudes at any length.
 *
 * @param slice [1, H, N, D], [1, G, N, D], [1, G, N, E].
 * @param positions P, ascending, each below N.
 */
export async function denseRows(slice: Slice, positions: readonly number[], signal?: AbortSignal): Promise<DenseRows> {
  const { q, k, v } = slice;
  const [heads, stack] = [q.heads, q.heads / k.heads];
  const out = new Float64Array(positions.length * heads * v.width);
  const lse = new Float64Array(positions.length * heads);
  const keys = new Float64Array(BLOCK * k.width);
  const values = new Float64Array(BLOCK * v.width);
  let yielded = performance.now();
  for (let g = 0; g < k.heads; g++) {
    const rows: Row[] = [];
    for (const [p, position] of positions.entries()) {
      for (let h = g * stack; h < (g + 1) * stack; h++) {
        rows.push(newRow(q, h, position, v.width, p * heads + h));
      }
    }
    const end = (positions.at(-1) ?? -1) + 1;
    for (let from = 0; from < end; from += BLOCK) {
      const count = Math.min(BLOCK, end - from);
      copyRows(k, g, from, count, keys);
      copyRows(v, g, from, count, values);
      for (const row of rows) {
        const visible = Math.min(count, row.position + 1 - from);
        if (visible > 0) addBlock(row, keys, values, visible);
      }
      if (performance.now() - yielded > YIELD_MS) {
        await setImmediate();
        signal?.throwIfAborted();
        yielded = performance.now();
      }
    }
    for (const row of rows) finish(row, out.subarray(row.at * v.width, (row.at + 1) * v.width), lse);
  }
  return { out, lse };
}

/** A query row on its way through the keys. */
interface Row {
  readonly position: number;
  /** p H + h */
  readonly at: number;
  /** [D], scaled. */
  readonly query: Float64Array;
  readonly scores: Float64Array;
  /** [1 + E]: sum of weights, then of weights times values; and what rounding has lost of each. */
  readonly sums: Float64Array;
  readonly lost: Float64Array;
  readonly block: Float64Array;
  max: number;
}

function newRow(q: Tensor, head: number, position: number, valueDim: number, at: number): Row {
  const numbers = floatsOf(q);
  const start = q.offset + head * q.strides.h + position * q.strides.n;
  const scale = 1 / Math.sqrt(q.width);
  return {
    position,
    at,
    query: Float64Array.from(numbers.subarray(start, start + q.width), (x) => x * scale),
    scores: new Float64Array(BLOCK),
    sums: new Float64Array(1 + valueDim),
    lost: new Float64Array(1 + valueDim),
    block: new Float64Array(1 + valueDim),
    max: -Infinity,
  };
}

function copyRows(from: Tensor, head: number, first: number, count: number, into: Float64Array): void {
  const numbers = floatsOf(from);
  for (let row = 0; row < count; row++) {
    const at = from.offset + head * from.strides.h + (first + row) * from.strides.n;
    for (let i = 0; i < from.width; i++) into[row * from.width + i] = numbers[at + i]!;
  }
}

function addBlock(row: Row, keys: Float64Array, values: Float64Array, count: number): void {
  const { query, scores, block } = row;
  const max = writeScores(query, keys, count, scores);
  if (max > row.max) {
    const shrink = Math.exp(row.max - max);
    for (let i = 0; i < row.sums.length; i++) {
      row.sums[i]! *= shrink;
      row.lost[i]! *= shrink;
    }
    row.max = max;
  }
  let sum = 0;
  for (let j = 0; j < count; j++) {
    const weight = Math.exp(scores[j]! - row.max);
    scores[j] = weight;
    sum += weight;
  }
  block.fill(0);
  block[0] = sum;
  addValues(scores, values, count, block);
  for (let i = 0; i < block.length; i++) addCompensated(row.sums, row.lost, i, block[i]!);
}

/** Scores of `count` keys, four at a time so that no product waits for the one before it. Returns the largest. */
function writeScores(query: Float64Array, keys: Float64Array, count: number, scores: Float64Array): number {
  const width = query.length;
  let max = -Infinity;
  let j = 0;
  for (; j + 4 <= count; j += 4) {
    const [a, b, c, d] = [j * width, (j + 1) * width, (j + 2) * width, (j + 3) * width];
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let i = 0; i < width; i++) {
      const x = query[i]!;
      s0 += x * keys[a + i]!;
      s1 += x * keys[b + i]!;
      s2 += x * keys[c + i]!;
      s3 += x * keys[d + i]!;
    }
    scores[j] = s0;
    scores[j + 1] = s1;
    scores[j + 2] = s2;
    scores[j + 3] = s3;
    max = Math.max(max, s0, s1, s2, s3);
  }
  for (; j < count; j++) {
    let s = 0;
    for (let i = 0; i < width; i++) s += query[i]! * keys[j * width + i]!;
    scores[j] = s;
    max = Math.max(max, s);
  }
  return max;
}

/** Adds weights times values from `into[1]` on, four keys at a time. */
function addValues(weights: Float64Array, values: Float64Array, count: number, into: Float64Array): void {
  const width = into.length - 1;
  let j = 0;
  for (; j + 4 <= count; j += 4) {
    const [w0, w1, w2, w3] = [weights[j]!, weights[j + 1]!, weights[j + 2]!, weights[j + 3]!];
    const [a, b, c, d] = [j * width, (j + 1) * width, (j + 2) * width, (j + 3) * width];
    for (let e = 0; e < width; e++) {
      into[1 + e]! += w0 * values[a + e]! + w1 * values[b + e]! + (w2 * values[c + e]! + w3 * values[d + e]!);
    }
  }
  for (; j < count; j++) {
    for (let e = 0; e < width; e++) into[1 + e]! += weights[j]! * values[j * width + e]!;
  }
}

function addCompensated(sums: Float64Array, lost: Float64Array, i: number, term: number): void {
  const before = sums[i]!;
  const after = before + term;
  lost[i]! += Math.abs(before) >= Math.abs(term) ? before - after + term : term - after + before;
  sums[i] = after;
}

function finish(row: Row, out: Float64Array, lse: Float64Array): void {
  const sum = row.sums[0]! + row.lost[0]!;
  lse[row.at] = row.max + Math.log(sum);
  for (let e = 0; e < out.length; e++) out[e] = (row.sums[1 + e]! + row.lost[1 + e]!) / sum;
}
