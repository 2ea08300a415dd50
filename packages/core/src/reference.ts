import type { ReferenceResult } from "./attention.ts";
import type { AttentionJob } from "./runtime/runtime.ts";
import { reachEnd, reachStart } from "./schedule/reach.ts";
import { floatsOf } from "./tensor.ts";

/** The parts of a job that define its result; how it is scheduled does not. */
export type ReferenceJob = Pick<
  AttentionJob,
  | "shape"
  | "q"
  | "turned"
  | "operandOf"
  | "k"
  | "v"
  | "firstKey"
  | "rowOfKey"
  | "stored"
  | "scores"
  | "positions"
  | "visibility"
>;

/**
 * Softmax attention in float64, by its definition. For query i of batch element b and head h, over the keys j it sees:
 *
 * ```text
 *   s_j = score(cap(scale q_i . k_j)) + bias_ij cap(s) = c tanh(s / c), or s without a softcap
 *   lse = ln(sum_j e^(s_j) + e^sink_h)          the sink's term only with learned sinks
 *   out = sum_j e^(s_j - lse) v_j
 * ```
 *
 * Keys that are not seen are not looked at, whatever stands there. A row that sees none is 0, its lse -Infinity or the sink.
 */
export function softmaxReference(job: ReferenceJob): ReferenceResult {
  const { batch, heads, queries, valueDim } = job.shape;
  const out = new Float64Array(batch * heads * queries * valueDim);
  const lse = new Float64Array(batch * heads * queries);
  for (let row = 0; row < lse.length; row++) {
    lse[row] = referenceRow(job, row, out.subarray(row * valueDim, (row + 1) * valueDim));
  }
  return { out, lse };
}

/** One row, (b * H + h) * N + i: adds into `out` [E], which is zero before, and returns the lse. */
export function referenceRow(job: ReferenceJob, row: number, out: Float64Array): number {
  const { v, firstKey = 0, rowOfKey = (key) => key - firstKey } = job;
  const { b, h, g, first, end, scoreOf } = rowScores(job, row);
  const sink = job.scores.learnedSinks?.[h];
  const vs = floatsOf(v);
  const vAt = v.offset + b * v.strides.b + g * v.strides.h;
  const keys: number[] = [];
  const scores: number[] = [];
  let max = sink ?? -Infinity;
  for (let j = first; j < end; j++) {
    const s = scoreOf(j);
    if (s === undefined) continue;
    keys.push(j);
    scores.push(s);
    max = Math.max(max, s);
  }
  if (max === -Infinity) return max;

  const weights = scores.map((s) => Math.exp(s - max));
  let sum = sink === undefined ? 0 : Math.exp(sink - max);
  for (const weight of weights) sum += weight;
  for (const [index, j] of keys.entries()) {
    const p = weights[index]! / sum;
    for (let e = 0; e < out.length; e++) out[e]! += p * vs[vAt + rowOfKey(j) * v.strides.n + e]!;
  }
  return max + Math.log(sum);
}

/** The scores of one row. */
export interface RowScores {
  /** Batch element, query head and key head of the row. */
  readonly b: number;
  readonly h: number;
  readonly g: number;
  /** Keys outside [first, end) are not seen. */
  readonly first: number;
  readonly end: number;
  /** The score of a key in [first, end) as it enters the softmax; undefined where it is not seen. */
  readonly scoreOf: (key: number) => number | undefined;
}

/** How the scores of row (b * H + h) * N + i come about. */
export function rowScores(job: ReferenceJob, row: number): RowScores {
  const { heads, kvHeads, queries, headDim } = job.shape;
  const { scale, softcap, score, bias, mask } = job.scores;
  const { q, k, positions, visibility, operandOf, firstKey = 0, rowOfKey = (key) => key - firstKey } = job;
  const i = row % queries;
  const h = Math.floor(row / queries) % heads;
  const b = Math.floor(row / queries / heads);
  const g = Math.floor(h / (heads / kvHeads));
  const ks = floatsOf(k);
  const queriesOf = [q, ...(job.turned ?? [])];
  const operands = queriesOf.map(floatsOf);
  const qAt = queriesOf.map(({ offset, strides }) => offset + b * strides.b + h * strides.h + i * strides.n);
  const kAt = k.offset + b * k.strides.b + g * k.strides.h;
  const biasAt = bias && bias.offset + b * bias.strides.b + h * bias.strides.h + i * bias.strides.n;
  const maskAt = mask && mask.offset + b * mask.strides.b + h * mask.strides.h + i * mask.strides.n;
  const position = i + positions.queryOffset[b]!;
  return {
    b,
    h,
    g,
    first: Math.max(firstKey, reachStart(visibility.reach, position)),
    end: Math.min(positions.keyLength[b]!, reachEnd(visibility.reach, position)),
    scoreOf(j) {
      if (visibility.listed?.(position, j, b, h) === false) return undefined;
      if (visibility.mask?.at({ q: position, k: j, b, h }) === false) return undefined;
      if (mask && mask.data[maskAt! + j] === 0) return undefined;
      if (bias && bias.data[biasAt! + j] === -Infinity) return undefined;
      const operand = operandOf === undefined ? 0 : operandOf(position, j);
      const kRow = kAt + rowOfKey(j) * k.strides.n;
      const [qs, from] = [operands[operand]!, qAt[operand]!];
      let s = 0;
      for (let d = 0; d < headDim; d++) s += qs[from + d]! * ks[kRow + d]!;
      s *= scale;
      if (softcap !== 0) s = softcap * Math.tanh(s / softcap);
      if (score) s = score.at({ q: position, k: j, b, h, s });
      if (bias) s += bias.data[biasAt! + j]!;
      return s === -Infinity && score ? undefined : s;
    },
  };
}
