import { inTurns } from "./runtime/in-turns.ts";
import type { PairJob, PairReduction, RunInfo, Runtime } from "./runtime/runtime.ts";
import { ALL_THREADS } from "./runtime/select.ts";
import { BLOCK_ROWS } from "./schedule/schedule.ts";
import { checkHeads, checkTensor } from "./shape.ts";
import { floatsOf, type Tensor } from "./tensor.ts";

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

/** Scores, and what computed them. */
export interface PairScores {
  readonly out: Float32Array;
  readonly info: RunInfo;
}

/**
 * Scores of every query against every key, written out: contiguous [B, H, N, M] for `each`, [B, G, N, M] where the query heads of a key
 * head are reduced to one. Sums have one order, whatever the number of queries and threads.
 *
 * @throws TypeError or RangeError naming `where` when sizes do not fit together.
 */
export async function pairScores(
  where: string,
  inputs: PairScoreInputs,
  runtime: Runtime,
  options: PairScoreOptions = {},
): Promise<Float32Array> {
  return (await runPairs(where, inputs, runtime, options)).out;
}

/** The same to the end before it returns. */
export function pairScoresSync(
  where: string,
  inputs: PairScoreInputs,
  runtime: Runtime,
  options: SyncPairScoreOptions = {},
): Float32Array {
  return runPairsSync(where, inputs, runtime, options).out;
}

export async function runPairs(
  where: string,
  inputs: PairScoreInputs,
  runtime: Runtime,
  { threads = ALL_THREADS, signal }: PairScoreOptions,
): Promise<PairScores> {
  const job = pairJob(where, inputs);
  const { out } = job;
  if (runtime.scorePairs !== undefined && runtime.scorePairsSync !== undefined && fits(job)) {
    const now = work(job) <= INLINE_WORK;
    return {
      out,
      info: now ? runtime.scorePairsSync(job, { threads }) : await runtime.scorePairs(job, { threads, signal }),
    };
  }
  await inTurns(rowsOfScores(job), signal);
  return { out, info: runtime.info(1) };
}

export function runPairsSync(
  where: string,
  inputs: PairScoreInputs,
  runtime: Runtime,
  { threads = ALL_THREADS }: SyncPairScoreOptions,
): PairScores {
  const job = pairJob(where, inputs);
  const { out } = job;
  if (runtime.scorePairsSync !== undefined && fits(job)) return { out, info: runtime.scorePairsSync(job, { threads }) };
  for (const _ of rowsOfScores(job));
  return { out, info: runtime.info(1) };
}

/** Operations up to which scores are computed before the promise is returned, as attention is. */
const INLINE_WORK = 64e6;

function work({ q, k }: PairJob): number {
  return 2 * q.batch * q.heads * q.length * k.length * q.width;
}

/** Whether there is anything to write, and heads that are reduced together fit into a unit. */
function fits(job: PairJob): boolean {
  return work(job) > 0 && job.q.heads / job.k.heads <= BLOCK_ROWS;
}

function pairJob(where: string, { q, k, scale = 1, reduce = { kind: "each" } }: PairScoreInputs): PairJob {
  checkTensor(where, "q", q);
  checkTensor(where, "k", k);
  checkHeads(where, "k", q.heads, k.heads);
  if (k.batch !== q.batch) throw new RangeError(`${where}: k has B = ${k.batch}, q has B = ${q.batch}`);
  if (k.width !== q.width) throw new RangeError(`${where}: k has D = ${k.width}, q has D = ${q.width}`);
  const heads = reduce.kind === "each" ? q.heads : k.heads;
  return { q, k, scale, reduce, out: new Float32Array(q.batch * heads * q.length * k.length) };
}

/** Row by row of the query heads, in ascending order of heads; stops after each. */
function* rowsOfScores({ q, k, scale, reduce, out }: PairJob): Generator<void> {
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
