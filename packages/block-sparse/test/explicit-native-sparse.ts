import type { Tensor } from "@saccade/core";
import type { NativeSparseInputs } from "../src/index.ts";
import { explicitAttention } from "./explicit-attention.ts";
import { offsetOf } from "./selected-checks.ts";

export interface ExplicitSizes {
  readonly length: number;
  readonly stride: number;
  /** [L] or [G L]; default 1 / L each. */
  readonly weights?: readonly number[] | undefined;
  readonly blockSize: number;
  readonly selected: number;
  readonly window: number;
}

/** Whether query i, by index, of a head takes a block. */
export type Takes = (b: number, h: number, i: number, block: number) => boolean;

/** Compressed probabilities of every row (b H + h) N + i, and what they read, by loops in float64. */
export function explicitCompressed(
  call: NativeSparseInputs,
  { length, stride, weights }: ExplicitSizes,
): { readonly weights: number[][]; readonly out: Float64Array } {
  const { q } = call;
  const k = call.compressedKeys ?? call.k;
  const v = call.compressedValues ?? call.v;
  const [B, H, N, G, M, D, E] = [q.batch, q.heads, q.length, k.heads, k.length, q.width, v.width];
  const at = ({ data }: Tensor, index: number): number => (data as Float32Array)[index]!;
  const out = new Float64Array(B * H * N * E);
  const probabilities: number[][] = [];
  for (let row = 0; row < B * H * N; row++) {
    const [b, h, i] = [Math.floor(row / N / H), Math.floor(row / N) % H, row % N];
    const g = Math.floor((h * G) / H);
    const t = Math.min(i + offsetOf(call, b), (call.keyLengths?.[b] ?? M) - 1);
    const factor = (n: number): number =>
      weights === undefined ? 1 / length : weights[weights.length === length ? n : g * length + n]!;
    const scores: number[] = [];
    for (let c = 0; c * stride + length - 1 <= t; c++) {
      let score = 0;
      for (let d = 0; d < D; d++) {
        let key = 0;
        for (let n = 0; n < length; n++) key += factor(n) * at(k, ((b * G + g) * M + c * stride + n) * D + d);
        score += at(q, row * D + d) * key;
      }
      scores.push(score / Math.sqrt(D));
    }
    const most = Math.max(...scores);
    const sum = scores.reduce((all, score) => all + Math.exp(score - most), 0);
    const p = scores.map((score) => Math.exp(score - most) / sum);
    probabilities.push(p);
    for (let e = 0; e < E; e++) {
      for (let c = 0; c < p.length; c++) {
        for (let n = 0; n < length; n++) {
          out[row * E + e]! += p[c]! * factor(n) * at(v, ((b * G + g) * M + c * stride + n) * E + e);
        }
      }
    }
  }
  return { weights: probabilities, out };
}

/** Blocks that the group of a row may take, the best first; forced ones are infinitely important. */
export function explicitImportance(
  call: NativeSparseInputs,
  sizes: ExplicitSizes,
  probabilities: readonly number[][],
  row: number,
): { readonly block: number; readonly importance: number }[] {
  const { q, k } = call;
  const [H, N, group] = [q.heads, q.length, q.heads / k.heads];
  const [b, h, i] = [Math.floor(row / N / H), Math.floor(row / N) % H, row % N];
  const position = i + offsetOf(call, b);
  const own = Math.floor(position / sizes.blockSize);
  const end = Math.min(call.keyLengths?.[b] ?? k.length, position + 1);
  const found: { block: number; importance: number }[] = [];
  for (let block = 0; block * sizes.blockSize < end; block++) {
    let importance = 0;
    // Every token that a compressed block and this one share counts 1 / S of its probability.
    for (let head = 0; head < group; head++) {
      probabilities[(b * H + Math.floor(h / group) * group + head) * N + i]!.forEach((p, c) => {
        for (let n = 0; n < sizes.length; n++) {
          if (Math.floor((c * sizes.stride + n) / sizes.blockSize) === block) importance += p / sizes.stride;
        }
      });
    }
    const forced = block === 0 || block === own || block === own - 1;
    found.push({ block, importance: forced ? Infinity : importance });
  }
  return found.sort((x, y) => (x.importance === y.importance ? x.block - y.block : y.importance - x.importance));
}

/** The gated sum by loops over all pairs, for blocks that are taken. */
export function explicitGated(
  call: NativeSparseInputs,
  sizes: ExplicitSizes,
  takes: Takes,
  compressed: Float64Array,
): { readonly out: Float64Array; readonly selected: number } {
  const { q, gates } = call;
  const { blockSize, window } = sizes;
  const selected = explicitAttention(
    call,
    (p, j, h, b) => j <= p && takes(b, h, p - offsetOf(call, b), Math.floor(j / blockSize)),
  );
  const near = explicitAttention(
    { ...call, k: call.windowKeys ?? call.k, v: call.windowValues ?? call.v },
    (p, j) => j <= p && p - j < window,
  );
  const E = selected.out.length / (q.batch * q.heads * q.length);
  const weights = gates.data as Float32Array;
  const out = selected.out.map((x, at) => {
    const gate = 3 * Math.floor(at / E);
    return weights[gate]! * compressed[at]! + weights[gate + 1]! * x + weights[gate + 2]! * near.out[at]!;
  });
  return { out, selected: selected.pairs };
}
