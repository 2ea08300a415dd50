import { pause } from "./runtime/pause.ts";
import type { Runtime } from "./runtime/runtime.ts";
import { checkHeads, checkTensor } from "./shape.ts";
import { floatsOf, type Tensor } from "./tensor.ts";

/** How the scores of a key head's query heads h become one, or that they do not. */
export type PairReduction =
  | { readonly kind: "each" }
  /** sum_h scale q_h . k */
  | { readonly kind: "sum" }
  /** max_h scale q_h . k */
  | { readonly kind: "max" }
  /** sum_h e^(scale q_h . k - lse_h), lse [B, H, N] */
  | { readonly kind: "mass"; readonly lse: Float32Array }
  /** sum_h w_h max(0, scale q_h . k), weights [B, H, N] */
  | { readonly kind: "relu"; readonly weights: Float32Array };

export interface PairScoreInputs {
  /** [B, H, N, D] */
  readonly q: Tensor;
  /** [B, G, M, D] */
  readonly k: Tensor;
  /** Factor on q . k. Default 1. */
  readonly scale?: number | undefined;
  /** Default `{ kind: "each" }`. */
  readonly reduce?: PairReduction | undefined;
}

export interface SyncPairScoreOptions {
  readonly threads?: number | undefined;
}

export interface PairScoreOptions extends SyncPairScoreOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Milliseconds after which the event loop gets a turn. */
const TURN = 8;

/**
 * Scores of every query against every key, written out: contiguous [B, H, N, M] for `each`, [B, G, N, M] where the query heads of a key
 * head are reduced to one. Sums have one order, whatever the number of queries and threads.
 *
 * @throws TypeError or RangeError naming `where` when sizes do not fit together.
 */
export async function pairScores(
  where: string,
  inputs: PairScoreInputs,
  _runtime: Runtime,
  options?: PairScoreOptions,
): Promise<Float32Array> {
  const out = roomFor(where, inputs);
  let since = performance.now();
  for (const _ of rowsOfScores(inputs, out)) {
    if (performance.now() - since < TURN) continue;
    await pause();
    options?.signal?.throwIfAborted();
    since = performance.now();
  }
  return out;
}

/** The same to the end before it returns. */
export function pairScoresSync(
  where: string,
  inputs: PairScoreInputs,
  _runtime: Runtime,
  _options?: SyncPairScoreOptions,
): Float32Array {
  const out = roomFor(where, inputs);
  for (const _ of rowsOfScores(inputs, out));
  return out;
}

function roomFor(where: string, { q, k, reduce }: PairScoreInputs): Float32Array {
  checkTensor(where, "q", q);
  checkTensor(where, "k", k);
  checkHeads(where, "k", q.heads, k.heads);
  if (k.batch !== q.batch) throw new RangeError(`${where}: k has B = ${k.batch}, q has B = ${q.batch}`);
  if (k.width !== q.width) throw new RangeError(`${where}: k has D = ${k.width}, q has D = ${q.width}`);
  const heads = reduce === undefined || reduce.kind === "each" ? q.heads : k.heads;
  return new Float32Array(q.batch * heads * q.length * k.length);
}

/** Row by row of the query heads, in ascending order of heads; stops after each. */
function* rowsOfScores(
  { q, k, scale = 1, reduce = { kind: "each" } }: PairScoreInputs,
  out: Float32Array,
): Generator<void> {
  const [queries, group] = [floatsOf(q), q.heads / k.heads];
  const query = new Float32Array(q.width);
  const row = new Float32Array(k.length);
  for (let index = 0; index < q.batch * q.heads * q.length; index++) {
    const [i, head] = [index % q.length, Math.floor(index / q.length)];
    const [b, h] = [Math.floor(head / q.heads), head % q.heads];
    const g = Math.floor(h / group);
    const from = q.offset + b * q.strides.b + h * q.strides.h + i * q.strides.n;
    query.set(queries.subarray(from, from + q.width));
    productsOf(query, k, k.offset + b * k.strides.b + g * k.strides.h, scale, row);
    if (reduce.kind === "each") out.set(row, index * k.length);
    else addRow(reduce, row, out, ((b * k.heads + g) * q.length + i) * k.length, index, h % group === 0);
    yield;
  }
}

/** scale q . k of one query and all keys from `at` on. Four sums at a time, since one would wait for itself; each goes by ascending d. */
function productsOf(query: Float32Array, k: Tensor, at: number, scale: number, row: Float32Array): void {
  const keys = floatsOf(k);
  const [width, step] = [query.length, k.strides.n];
  let j = 0;
  let key = at;
  for (; j + 4 <= row.length; j += 4, key += 4 * step) {
    const second = key + step;
    const third = second + step;
    const fourth = third + step;
    let w = 0;
    let x = 0;
    let y = 0;
    let z = 0;
    for (let d = 0; d < width; d++) {
      const number = query[d]!;
      w += number * keys[key + d]!;
      x += number * keys[second + d]!;
      y += number * keys[third + d]!;
      z += number * keys[fourth + d]!;
    }
    row[j] = w * scale;
    row[j + 1] = x * scale;
    row[j + 2] = y * scale;
    row[j + 3] = z * scale;
  }
  for (; j < row.length; j++, key += step) {
    let sum = 0;
    for (let d = 0; d < width; d++) sum += query[d]! * keys[key + d]!;
    row[j] = sum * scale;
  }
}

/** Takes the scores of one query head into those of its key head; `index` is the query's among [B, H, N]. */
function addRow(
  reduce: Exclude<PairReduction, { readonly kind: "each" }>,
  row: Float32Array,
  out: Float32Array,
  to: number,
  index: number,
  first: boolean,
): void {
  switch (reduce.kind) {
    case "sum":
      for (let j = 0; j < row.length; j++) out[to + j]! += row[j]!;
      return;
    case "max":
      for (let j = 0; j < row.length; j++) out[to + j] = first ? row[j]! : Math.max(out[to + j]!, row[j]!);
      return;
    case "mass":
      for (let j = 0; j < row.length; j++) out[to + j]! += Math.exp(row[j]! - reduce.lse[index]!);
      return;
    case "relu":
      for (let j = 0; j < row.length; j++) out[to + j]! += reduce.weights[index]! * Math.max(0, row[j]!);
  }
}
