import { addedScore } from "./added-score.ts";
import type { Inputs } from "./inputs.ts";
import type { CallShape } from "./shape.ts";
import { visibleKeys } from "./visible-keys.ts";

/** Reads element e of the output row of query i of head h in batch element b. */
export type OutputReader = (b: number, h: number, i: number, e: number) => number;

/** Above this share of the largest reference value a result counts as wrong, not as inexact. */
const WRONG = 1e-3;

export interface Check {
  readonly maxAbsError: number;
  readonly maxAbsReference: number;
}

/** The same for keys and values that are stored in fewer bits. */
const WRONG_STORED = { f16: 1e-3, bf16: 8e-3, i8: 2e-2 } as const;

/** How far from float64 a result of this shape may be, as a share of the largest value. */
export function tolerance({ stored }: CallShape): number {
  return stored === undefined ? WRONG : WRONG_STORED[stored];
}

/** One row of softmax(cap(q k' / sqrt(D)) + added) v in float64, written for reading. */
export function referenceRow({ q, k, v }: Inputs, shape: CallShape, b: number, h: number, i: number): Float64Array {
  const { H, G, N, M, D, E, softcap } = shape;
  const g = Math.floor((h * G) / H);
  const { count, key: keyOf } = visibleKeys(shape)(i);
  const added = addedScore(shape);
  const out = new Float64Array(E);
  if (count <= 0) return out;
  const row = ((b * N + i) * H + h) * D;
  const scores = new Float64Array(count);
  let max = -Infinity;
  for (let j = 0; j < count; j++) {
    const key = ((b * M + keyOf(j)) * G + g) * D;
    let dot = 0;
    for (let d = 0; d < D; d++) dot += q[row + d]! * k[key + d]!;
    const scaled = dot / Math.sqrt(D);
    const capped = softcap === undefined ? scaled : softcap * Math.tanh(scaled / softcap);
    scores[j] = capped + added(h, i + M - N, keyOf(j));
    max = Math.max(max, scores[j]!);
  }
  let total = 0;
  for (let j = 0; j < count; j++) {
    const weight = Math.exp(scores[j]! - max);
    total += weight;
    const value = ((b * M + keyOf(j)) * G + g) * E;
    for (let e = 0; e < E; e++) out[e]! += weight * v[value + e]!;
  }
  for (let e = 0; e < E; e++) out[e]! /= total;
  return out;
}

/** Compares sampled rows with float64: the first and last rows of the first and last head, and others spread between. */
export function checkRows(inputs: Inputs, shape: CallShape, read: OutputReader, budget = 24): Check {
  const { B, H, N, E } = shape;
  const rows = B * H * N;
  const samples = Math.min(rows, budget);
  let maxAbsError = 0;
  let maxAbsReference = 0;
  for (let s = 0; s < samples; s++) {
    const row = samples === 1 ? 0 : Math.round((s * (rows - 1)) / (samples - 1));
    const b = Math.floor(row / (H * N));
    const h = Math.floor(row / N) % H;
    const i = row % N;
    const expected = referenceRow(inputs, shape, b, h, i);
    for (let e = 0; e < E; e++) {
      const error = Math.abs(read(b, h, i, e) - expected[e]!);
      // NaN must not hide behind a comparison.
      if (!(error <= maxAbsError)) maxAbsError = error;
      maxAbsReference = Math.max(maxAbsReference, Math.abs(expected[e]!));
    }
  }
  return { maxAbsError, maxAbsReference };
}
