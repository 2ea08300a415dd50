import { afterAll, describe, expect, test } from "vitest";
import {
  dense,
  mask,
  score,
  tensor,
  type Attention,
  type AttentionInputs,
  type ReferenceResult,
  type Tensor,
} from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { RandomNumbers } from "./random-numbers.ts";
import { sameBits } from "./same-bits.ts";

const { available } = await availableRuntimes();

afterAll(() => Promise.all(available.map(({ runtime }) => runtime[Symbol.asyncDispose]())));

const random = new RandomNumbers(3);
const [B, H, G, D] = [2, 4, 2, 16];

function inputs(queries: number, keys: number): AttentionInputs {
  const view = (heads: number, length: number): Tensor =>
    tensor(random.normal(B * heads * length * D), { shape: [B, heads, length, D] });
  return { q: view(H, queries), k: view(G, keys), v: view(G, keys) };
}

const documents = Int32Array.from({ length: 700 }, (_, i) => Math.floor(Math.sqrt(i) / 3));
const slopes = Float32Array.of(0.5, 0.25, 0.125, 0.0625);
const bias = Float32Array.from({ length: 129 }, (_, i) => Math.sin(i));
const lengths = Int32Array.of(650, 300);

const attentions: Record<string, Attention> = {
  "a causal window": dense({ mask: mask`q >= k && q - k < ${37}` }),
  "a window with sinks": dense({ mask: mask`q >= k && (q - k < 40 || k < 4)` }),
  "packed documents": dense({ causal: true, mask: mask`${documents}[q] == ${documents}[k]` }),
  chunks: dense({ mask: mask`floor(q / 48) == floor(k / 48) && k <= q` }),
  dilation: dense({ mask: mask`q >= k && (q - k) % 3 == 0` }),
  "a hash": dense({ mask: mask`(q * 7919 + k * 104729) % 7 < 3` }),
  "a mask by head and batch element": dense({ mask: mask`k <= q + 3 * h && k < ${lengths}[b]` }),
  "a mask of keys": dense({ mask: mask`k % 5 != 2` }),
  nothing: dense({ mask: mask`k < 0` }),
  ALiBi: dense({ causal: true, score: score`s - ${slopes}[h] * (q - k)` }),
  "a relative bias": dense({ score: score`s + ${bias}[min(max(q - k, -64), 64) + 64]`, softcap: 5 }),
  "a score that hides": dense({ score: score`(q + k) % 4 == 0 ? log(0.0) : s * 0.5` }),
  "every function": dense({
    score: score`tanh(s) + exp(min(s, 1.5)) - log(abs(s) + 1) + floor(q / 3 - 0.5) * 0.01 + max(s, 0.5)`,
    mask: mask`abs(q - k) < 100 ? true : k % 2 == 1`,
  }),
};

const calls = [inputs(1, 300), inputs(3, 131), inputs(211, 203), inputs(640, 655)];
const known = new Map<string, ReferenceResult>();

/** By the definition, once for all runtimes. */
function exactly(name: string, call: number): ReferenceResult {
  const key = `${name} ${call}`;
  const exact = known.get(key) ?? attentions[name]!.reference(calls[call]!);
  known.set(key, exact);
  return exact;
}

// The reference runtime is what the others are compared with.
const compared = available.filter(({ label }) => label !== "reference");

describe.each(compared)("expressions on $label", ({ runtime }) => {
  test.each(Object.keys(attentions))("give what float64 gives: %s", async (name) => {
    const attend = attentions[name]!;
    for (const [index, given] of calls.entries()) {
      const exact = exactly(name, index);
      const { out, lse, threads } = await attend.forward(given, { runtime, lse: true });
      let most = 0;
      const floats = out.data as Float32Array;
      for (let i = 0; i < floats.length; i++) most = Math.max(most, Math.abs(floats[i]! - exact.out[i]!));
      for (let i = 0; i < lse.length; i++) {
        if (lse[i] !== exact.lse[i]) most = Math.max(most, Math.abs(lse[i]! - exact.lse[i]!) / 20);
      }
      expect(most).toBeLessThan(1e-5);
      const one = await attend.forward(given, { runtime, threads: 1, lse: true });
      expect(threads >= one.threads && sameBits(floats, one.out.data as Float32Array)).toBe(true);
    }
  });
});
