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
  const [queries, keys, group] = [floatsOf(q), floatsOf(k), q.heads / k.heads];
  for (let row = 0; row < q.batch * q.heads * q.length; row++) {
    const [i, head] = [row % q.length, Math.floor(row / q.length)];
    const [b, h] = [Math.floor(head / q.heads), head % q.heads];
    const g = Math.floor(h / group);
    const from = q.offset + b * q.strides.b + h * q.strides.h + i * q.strides.n;
    const to = (reduce.kind === "each" ? row : (b * k.heads + g) * q.length + i) * k.length;
    let at = k.offset + b * k.strides.b + g * k.strides.h;
    for (let j = to; j < to + k.length; j++, at += k.strides.n) {
      let sum = 0;
      for (let d = 0; d < q.width; d++) sum += queries[from + d]! * keys[at + d]!;
      sum = Math.fround(sum * scale);
      switch (reduce.kind) {
        case "each":
          out[j] = sum;
          break;
        case "sum":
          out[j]! += sum;
          break;
        case "max":
          out[j] = h % group === 0 ? sum : Math.max(out[j]!, sum);
          break;
        case "mass":
          out[j]! += Math.exp(sum - reduce.lse[row]!);
          break;
        case "relu":
          out[j]! += reduce.weights[row]! * Math.max(0, sum);
      }
    }
    yield;
  }
}
