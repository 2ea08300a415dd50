import { describe, expect, test } from "vitest";
import { dense, mask, maskTensor, tensor, type AttentionInputs, type Mask } from "../src/index.ts";
import { scheduleFromChoices, softmaxAttention, type Choices } from "../src/variants.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { RandomNumbers } from "./random-numbers.ts";
import { sameBits } from "./same-bits.ts";

interface ChoiceCase {
  readonly name: string;
  readonly heads: number;
  readonly kvHeads: number;
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
  readonly blockSize: number;
  /** Of all blocks. */
  readonly share: number;
  readonly shown: Mask;
  /** Whether the heads of a group choose together. */
  readonly together?: boolean;
  readonly layout?: "bhnd" | "bnhd";
}

const causal = mask`k <= q`;

const cases: readonly ChoiceCase[] = [
  { name: "few", heads: 2, kvHeads: 1, queries: 5, keys: 70, width: 20, blockSize: 8, share: 0.4, shown: causal },
  {
    name: "a head each",
    heads: 3,
    kvHeads: 3,
    queries: 61,
    keys: 61,
    width: 9,
    blockSize: 7,
    share: 0.3,
    shown: causal,
  },
  {
    name: "groups",
    heads: 4,
    kvHeads: 2,
    queries: 50,
    keys: 113,
    width: 16,
    blockSize: 16,
    share: 0.5,
    shown: causal,
    together: true,
    layout: "bnhd",
  },
  {
    name: "heads of a group apart",
    heads: 4,
    kvHeads: 2,
    queries: 40,
    keys: 64,
    width: 32,
    blockSize: 32,
    share: 0.5,
    shown: causal,
  },
  {
    name: "masked",
    heads: 2,
    kvHeads: 1,
    queries: 90,
    keys: 90,
    width: 12,
    blockSize: 24,
    share: 0.6,
    shown: mask`k <= q && (q + k) % 3 != 0`,
    together: true,
  },
  {
    name: "everything",
    heads: 2,
    kvHeads: 2,
    queries: 100,
    keys: 100,
    width: 8,
    blockSize: 13,
    share: 1,
    shown: mask`k >= 0`,
  },
  { name: "nothing", heads: 2, kvHeads: 2, queries: 30, keys: 40, width: 8, blockSize: 13, share: 0, shown: causal },
  {
    name: "more rows than a tile has",
    heads: 8,
    kvHeads: 1,
    queries: 150,
    keys: 300,
    width: 24,
    blockSize: 100,
    share: 0.7,
    shown: causal,
    together: true,
  },
  {
    name: "keys that stream",
    heads: 2,
    kvHeads: 1,
    queries: 1200,
    keys: 2600,
    width: 64,
    blockSize: 512,
    share: 0.8,
    shown: causal,
    together: true,
  },
];

/** Choices of every query, and what they show as a mask [1, H, N, M]. */
function choose(of: ChoiceCase, numbers: RandomNumbers) {
  const { heads, kvHeads, queries, keys, blockSize, share, together = false } = of;
  const blocks = Math.ceil(keys / blockSize);
  const shown = new Uint8Array(heads * queries * keys);
  const lists: Choices[] = [];
  const group = heads / kvHeads;
  for (let h = 0; h < heads; h++) {
    if (together && h % group !== 0) lists.push(lists[h - 1]!);
    else {
      const starts = new Int32Array(queries + 1);
      const keyBlocks: number[] = [];
      for (let i = 0; i < queries; i++) {
        for (let block = 0; block < blocks; block++) if (numbers.uniform() < share) keyBlocks.push(block);
        starts[i + 1] = keyBlocks.length;
      }
      lists.push({ starts, keyBlocks: Int32Array.from(keyBlocks) });
    }
    const { starts, keyBlocks } = lists[h]!;
    for (let i = 0; i < queries; i++) {
      for (let entry = starts[i]!; entry < starts[i + 1]!; entry++) {
        const from = keyBlocks[entry]! * blockSize;
        shown.fill(1, (h * queries + i) * keys + from, (h * queries + i) * keys + Math.min(keys, from + blockSize));
      }
    }
  }
  return { lists, shown };
}

function inputsOf(of: ChoiceCase, numbers: RandomNumbers): AttentionInputs {
  const { heads, kvHeads, queries, keys, width, layout = "bhnd" } = of;
  const make = (count: number, length: number) => {
    const shape = layout === "bhnd" ? ([1, count, length, width] as const) : ([1, length, count, width] as const);
    return tensor(numbers.normal(count * length * width), { shape, layout });
  };
  return { q: make(heads, queries), k: make(kvHeads, keys), v: make(kvHeads, keys) };
}

const { available } = await availableRuntimes();

describe.each(cases)("choices of every query: $name", (of) => {
  const numbers = new RandomNumbers(7);
  const inputs = inputsOf(of, numbers);
  const { lists, shown } = choose(of, numbers);
  const attention = softmaxAttention({
    name: "choices",
    selection: "static",
    visibility: { reach: { ahead: Infinity, back: Infinity }, mask: undefined },
    scale: undefined,
    softcap: 0,
    learnedSinks: Float32Array.from({ length: of.heads }, (_, h) => h / 4),
    schedule: (shape, at) =>
      scheduleFromChoices(shape, at, { blockSize: of.blockSize, choicesOf: (_, h) => lists[h]!, mask: of.shown }),
  });
  const explicit = dense({ mask: of.shown, learnedSinks: Float32Array.from({ length: of.heads }, (_, h) => h / 4) });
  const pairs = maskTensor(shown, { shape: [1, of.heads, of.queries, of.keys] });
  const exact = explicit.reference({ ...inputs, mask: pairs });

  test.each(available.filter(({ runtime }) => runtime.name !== "reference"))(
    "are kept by $label",
    async ({ runtime }) => {
      const one = await attention.forward(inputs, { runtime, lse: true, threads: 1 });
      const two = await attention.forward(inputs, { runtime, lse: true, threads: 2 });
      expect(sameBits(one.out.data as Float32Array, two.out.data as Float32Array)).toBe(true);
      const { strides } = one.out;
      let error = 0;
      for (let h = 0; h < of.heads; h++) {
        for (let i = 0; i < of.queries; i++) {
          const row = h * of.queries + i;
          const lse = exact.lse[row]!;
          error = Math.max(error, one.lse[row] === lse ? 0 : Math.abs(one.lse[row]! - lse));
          for (let e = 0; e < of.width; e++) {
            const got = (one.out.data as Float32Array)[h * strides.h + i * strides.n + e]!;
            error = Math.max(error, Math.abs(got - exact.out[row * of.width + e]!));
          }
        }
      }
      expect(error).toBeLessThan(1e-5);
    },
  );
});
