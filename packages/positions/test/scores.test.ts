import { dense, openRuntime, tensor, type Runtime, type Score } from "@saccade/core";
import { afterAll, describe, expect, test } from "vitest";
import { alibi, alibiScore, t5Bias, t5Buckets } from "../src/index.ts";

const runtimes: Runtime[] = [await openRuntime("auto"), await openRuntime("wasm"), await openRuntime("reference")];

afterAll(() => Promise.all(runtimes.map((runtime) => runtime[Symbol.asyncDispose]())));

const [H, N, M, D] = [6, 70, 200, 8];
/** The last query stands at the last key. */
const OFFSET = M - N;

const random = (count: number, seed: number): Float32Array => {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
};

const [q, k, v] = [random(H * N * D, 1), random(H * M * D, 2), random(H * M * D, 3)];

/** Attention with a bias for each pair, by explicit loops in float64. */
const expected = (causal: boolean, biasOf: (h: number, position: number, key: number) => number): number[] => {
  const out: number[] = [];
  for (let h = 0; h < H; h++) {
    for (let i = 0; i < N; i++) {
      const position = i + OFFSET;
      const keys = causal ? position + 1 : M;
      const weights = Array.from({ length: keys }, (_, j) => {
        let product = 0;
        for (let d = 0; d < D; d++) product += q[(h * N + i) * D + d]! * k[(h * M + j) * D + d]!;
        return Math.exp(product / Math.sqrt(D) + biasOf(h, position, j));
      });
      const sum = weights.reduce((total, weight) => total + weight, 0);
      for (let e = 0; e < D; e++) {
        out.push(weights.reduce((total, weight, j) => total + (weight / sum) * v[(h * M + j) * D + e]!, 0));
      }
    }
  }
  return out;
};

const check = async (causal: boolean, score: Score, want: readonly number[]): Promise<void> => {
  const inputs = {
    q: tensor(q, { shape: [1, H, N, D] }),
    k: tensor(k, { shape: [1, H, M, D] }),
    v: tensor(v, { shape: [1, H, M, D] }),
  };
  for (const runtime of runtimes) {
    const { out } = await dense({ causal, score }).forward(inputs, { runtime });
    const worst = want.reduce((most, value, i) => Math.max(most, Math.abs(value - (out.data as Float32Array)[i]!)), 0);
    expect(worst, runtime.name).toBeLessThan(1e-5);
  }
};

describe("in attention", () => {
  test("ALiBi is a bias of -slope times the distance", async () => {
    const slopes = alibi(H);
    await check(
      true,
      alibiScore(H),
      expected(true, (h, position, key) => -slopes[h]! * (position - key)),
    );
  });

  test("symmetric ALiBi looks both ways", async () => {
    const slopes = alibi(H);
    const want = expected(false, (h, position, key) => -slopes[h]! * Math.abs(position - key));
    await check(false, alibiScore(H, { symmetric: true }), want);
  });

  test("T5's bias is that of the bucket of the distance", async () => {
    for (const bidirectional of [true, false]) {
      const [buckets, maxDistance] = [16, 64];
      const weights = random(buckets * H, 5);
      const byDistance = t5Buckets({ buckets, maxDistance, bidirectional });
      const want = expected(!bidirectional, (h, position, key) => {
        const distance = Math.max(-maxDistance, Math.min(maxDistance, key - position));
        return weights[byDistance[distance + maxDistance]! * H + h]!;
      });
      await check(!bidirectional, t5Bias(weights, { heads: H, buckets, maxDistance, bidirectional }), want);
    }
  });
});
