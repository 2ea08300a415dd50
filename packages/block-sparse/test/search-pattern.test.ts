import { tensor, type AttentionInputs } from "@saccade/core";
import { describe, expect, test } from "vitest";
import { perHead, searchPattern, type FoundPattern } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { difference, inputs } from "./call-inputs.ts";
import { explicitAttention } from "./explicit-attention.ts";
import { normal, uniform } from "./normal.ts";

const runtimes = await availableRuntimes();
const [N, D] = [768, 16];

/** Whether a pattern shows a pair. */
function shows(pattern: FoundPattern, p: number, j: number): boolean {
  if (j > p) return false;
  switch (pattern.kind) {
    case "aShape":
      return j < pattern.sinks || p - j < pattern.recent;
    case "verticalSlash":
      return pattern.verticals.includes(j) || pattern.slashes.includes(p - j);
    case "blocks": {
      const row = Math.floor(p / pattern.blockSize);
      const taken = pattern.keyBlocks.slice(pattern.starts[row], pattern.starts[row + 1]);
      return taken.includes(Math.floor(j / pattern.blockSize));
    }
  }
}

/** Head 0 looks at the last 90 keys, head 1 at some columns, head 2 at blocks about its topic. */
function threeShapes(): AttentionInputs {
  const q = normal(3 * N * D, 3).map((x) => 0.1 * x);
  const k = normal(3 * N * D, 4).map((x) => 0.1 * x);
  const next = uniform(5);
  const columns = new Set(Array.from({ length: 40 }, () => Math.floor(next() * 600)));
  const topics = normal((N / 32) * D, 6);
  const asked = Array.from({ length: N / 32 }, (_, block) => Math.floor(next() * (block + 1)));
  for (let n = 0; n < N; n++) {
    const turn = n / 130;
    q.set([40 * Math.cos(turn), 40 * Math.sin(turn)], n * D);
    k.set([12 * Math.cos(turn), 12 * Math.sin(turn)], n * D);
    q[(N + n) * D] = 20;
    if (columns.has(n)) k[(N + n) * D] = 2;
    const block = Math.floor(n / 32);
    for (let d = 0; d < D; d++) {
      q[(2 * N + n) * D + d]! += 3 * topics[asked[block]! * D + d]!;
      k[(2 * N + n) * D + d]! += 2 * topics[block * D + d]!;
    }
  }
  const shape = [1, 3, N, D] as const;
  return { q: tensor(q, { shape }), k: tensor(k, { shape }), v: tensor(normal(3 * N * D, 7), { shape }) };
}

describe.each(runtimes)("patterns of heads found on $label", ({ runtime }) => {
  const options = { budget: 128, blockSize: 32, runtime };

  test("are those of heads that were made to have them", async () => {
    const { q, k } = threeShapes();
    const found = await searchPattern(q, k, options);
    expect(found.map(({ kind }) => kind)).toEqual(["aShape", "verticalSlash", "blocks"]);
    for (const { keptMass } of found) expect(keptMass).toBeGreaterThan(0.8);
  });

  test("keep the mass that they say, on the sampled queries, and no more keys than the budget", async () => {
    const { q, k, v } = threeShapes();
    const found = await searchPattern(q, k, { ...options, samples: N });
    const all = explicitAttention({ q, k, v }, (p, j) => j <= p);
    const kept = explicitAttention({ q, k, v }, (p, j, h) => shows(found[h]!, p, j));
    for (const [h, pattern] of found.entries()) {
      let sum = 0;
      for (let row = h * N; row < (h + 1) * N; row++) sum += Math.exp(kept.lse[row]! - all.lse[row]!);
      expect(pattern.keptMass).toBeCloseTo(sum / N, 4);
      const last = Array.from({ length: N }, (_, j) => j).filter((j) => shows(pattern, N - 1, j));
      expect(last.length).toBeLessThanOrEqual(128);
    }
  });

  test("are stored as JSON and run by head", async () => {
    const call = threeShapes();
    const found = await searchPattern(call.q, call.k, options);
    const stored = JSON.parse(JSON.stringify(found)) as FoundPattern[];
    expect(stored).toEqual(found);
    const want = explicitAttention(call, (p, j, h) => shows(found[h]!, p, j));
    const { out, lse } = await perHead(stored).forward(call, { runtime, lse: true });
    expect(difference(out.data as Float32Array, want.out)).toBeLessThan(5e-5);
    expect(difference(lse, want.lse)).toBeLessThan(5e-5);
  });

  test("serve grouped heads and several prompts", async () => {
    const { q, k, v } = inputs({ batch: 2, heads: 4, kvHeads: 2, queries: 100 });
    const found = await searchPattern(q, k, { budget: 40, blockSize: 8, runtime });
    expect(found.length).toBe(4);
    const { out } = await perHead(found).forward({ q, k, v }, { runtime });
    const want = explicitAttention({ q, k, v }, (p, j, h) => shows(found[h]!, p, j));
    expect(difference(out.data as Float32Array, want.out)).toBeLessThan(1e-5);
    const every = await searchPattern(q, k, { budget: 4096, runtime });
    for (const { keptMass } of every) expect(keptMass).toBeCloseTo(1, 5);
  });
});

test("options and tensors that do not fit are refused", async () => {
  const { q, k } = inputs({ queries: 20 });
  const short = { ...k, length: 19 };
  await expect(searchPattern(q, short)).rejects.toThrow("searchPattern: q has N = 20 tokens, k has M = 19");
  await expect(searchPattern(q, k, { budget: 64 })).rejects.toThrow(
    "searchPattern: budget is 64, expected an integer in 65",
  );
  await expect(searchPattern(q, k, { samples: 0 })).rejects.toThrow("searchPattern: samples is 0");
  await expect(searchPattern(q, k, { scale: NaN })).rejects.toThrow("searchPattern: scale is NaN");
  expect(() => perHead([{ kind: "other" } as never])).toThrow('perHead: entry 0 has kind "other", expected "aShape"');
});
