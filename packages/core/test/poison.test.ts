import { afterAll, describe, expect, test } from "vitest";
import { biasTensor, dense, maskTensor, tensor, type AttentionInputs, type DenseOptions } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { RandomNumbers } from "./random-numbers.ts";
import { sameBits } from "./same-bits.ts";

const { available } = await availableRuntimes();

afterAll(() => Promise.all(available.map(({ runtime }) => runtime[Symbol.asyncDispose]())));

const POISONS = [NaN, Infinity, -Infinity];

interface Plain {
  heads: number;
  kvHeads: number;
  queries: number;
  keys: number;
  width: number;
  q: Float32Array;
  k: Float32Array;
  v: Float32Array;
}

function plain(heads: number, kvHeads: number, queries: number, keys: number, width: number): Plain {
  const random = new RandomNumbers(queries * 1000 + keys);
  return {
    ...{ heads, kvHeads, queries, keys, width },
    q: random.normal(heads * queries * width),
    k: random.normal(kvHeads * keys * width),
    v: random.normal(kvHeads * keys * width),
  };
}

function inputsOf({ heads, kvHeads, queries, keys, width, q, k, v }: Plain): AttentionInputs {
  return {
    q: tensor(q, { shape: [1, heads, queries, width] }),
    k: tensor(k, { shape: [1, kvHeads, keys, width] }),
    v: tensor(v, { shape: [1, kvHeads, keys, width] }),
  };
}

/** The same call with one key of every head poisoned in K and V. */
function poisoned(given: Plain, key: number, poison: number): Plain {
  const k = given.k.slice();
  const v = given.v.slice();
  for (let g = 0; g < given.kvHeads; g++) {
    const at = (g * given.keys + key) * given.width;
    k.fill(poison, at, at + given.width);
    v.fill(poison, at, at + given.width);
  }
  return { ...given, k, v };
}

interface Numbers {
  readonly out: { readonly data: unknown };
  readonly lse: Float32Array;
}

function same(a: Numbers, b: Numbers): boolean {
  return sameBits(a.out.data as Float32Array, b.out.data as Float32Array) && sameBits(a.lse, b.lse);
}

const SIZES: readonly (readonly [heads: number, kvHeads: number, queries: number, keys: number, width: number])[] = [
  [2, 1, 1, 40, 16],
  [4, 2, 3, 70, 8],
  [2, 2, 40, 40, 16],
  [2, 1, 130, 300, 64],
  [4, 1, 2, 5000, 8],
];

describe.each(available)("on $label", ({ runtime }) => {
  const run = (options: DenseOptions, inputs: AttentionInputs) =>
    dense(options).forward(inputs, { lse: true, runtime, threads: 2 });

  test.each(SIZES)(
    "a key that is hidden changes no bit, whatever stands there (H %i, G %i, N %i, M %i, D %i)",
    async (...size) => {
      const given = plain(...size);
      const { keys, queries } = given;
      const hidden = Math.floor(keys / 2);
      const shown = Uint8Array.from({ length: keys }, (_, j) => (j === hidden ? 0 : 1));
      const added = Float32Array.from(shown, (show) => (show === 0 ? -Infinity : 0.5));
      const ways: [DenseOptions, Partial<AttentionInputs>, number][] = [
        [{}, { mask: maskTensor(shown, { shape: [1, 1, 1, keys] }) }, hidden],
        [{}, { bias: biasTensor(added, { shape: [1, 1, 1, keys] }) }, hidden],
        [{ softcap: 15 }, { bias: biasTensor(added, { shape: [1, 1, 1, keys] }) }, hidden],
        [{}, { keyLengths: [keys - 1] }, keys - 1],
        [{ causal: true }, { queryOffset: keys - 1 - queries }, keys - 1],
      ];
      for (const [options, terms, key] of ways) {
        const clean = await run(options, { ...inputsOf(given), ...terms });
        for (const poison of POISONS) {
          const dirty = await run(options, { ...inputsOf(poisoned(given, key, poison)), ...terms });
          expect(same(dirty, clean), `${JSON.stringify(options)} ${Object.keys(terms)} ${poison}`).toBe(true);
        }
      }
    },
  );

  test.each(SIZES.filter(([, , queries]) => queries > 1))(
    "NaN in V at a key that one row sees and its neighbour does not is in that row only (H %i, G %i, N %i, M %i, D %i)",
    async (...size) => {
      const given = plain(...size);
      const { heads, kvHeads, queries, keys, width } = given;
      // The last row sees the last key, the row before does not.
      const v = given.v.slice();
      for (let g = 0; g < kvHeads; g++) v[((g + 1) * keys - 1) * width + 1] = NaN;
      const clean = await run({ causal: true }, inputsOf(given));
      const dirty = await run({ causal: true }, inputsOf({ ...given, v }));
      const [before, after] = [clean.out.data as Float32Array, dirty.out.data as Float32Array];
      for (let h = 0; h < heads; h++) {
        const last = (h * queries + queries - 1) * width;
        const others = [h * queries * width, last] as const;
        expect(sameBits(after.subarray(...others), before.subarray(...others))).toBe(true);
        expect([...after.subarray(last, last + width)].map((value) => Number.isNaN(value))).toEqual(
          Array.from({ length: width }, (_, e) => e === 1),
        );
      }
      expect(sameBits(dirty.lse, clean.lse)).toBe(true);
    },
  );

  test("NaN in a query is in its own row only", async () => {
    const given = plain(2, 1, 20, 50, 16);
    const q = given.q.slice();
    q[7 * 16 + 3] = NaN;
    const clean = (await run({ causal: true }, inputsOf(given))).out.data as Float32Array;
    const dirty = (await run({ causal: true }, inputsOf({ ...given, q }))).out.data as Float32Array;
    for (let row = 0; row < 40; row++) {
      const values = dirty.subarray(row * 16, (row + 1) * 16);
      if (row === 7) expect(values.every((value) => Number.isNaN(value))).toBe(true);
      else expect(values).toEqual(clean.subarray(row * 16, (row + 1) * 16));
    }
  });

  test("decoding past poison that was rewound or lies beyond the end changes nothing", async () => {
    const random = new RandomNumbers(5);
    const token = (length: number, poison?: number) => {
      const numbers = (heads: number) => {
        const data = random.normal(heads * length * 16);
        return tensor(poison === undefined ? data : data.fill(poison), { shape: [1, heads, length, 16] });
      };
      return { q: numbers(4), k: numbers(2), v: numbers(2) };
    };
    const options = { heads: 4, kvHeads: 2, headDim: 16, capacity: 64, runtime };
    await using clean = dense({ causal: true }).decoder(options);
    await using dirty = dense({ causal: true }).decoder(options);
    const prompt = token(40);
    await clean.append(prompt);
    await dirty.append(prompt);
    const poison = token(9, NaN);
    const lost = dirty.appendSync(poison).out.data as Float32Array;
    expect(lost.every((value) => Number.isNaN(value))).toBe(true);
    dirty.rewind(9);
    for (let step = 0; step < 3; step++) {
      const next = token(1);
      expect(dirty.appendSync(next).out.data).toEqual(clean.appendSync(next).out.data);
    }
  });

  test("in a decoder, NaN in V reaches the rows that see it and no other", async () => {
    const random = new RandomNumbers(6);
    const view = (heads: number, length: number) =>
      tensor(random.normal(heads * length * 16), { shape: [1, heads, length, 16] });
    await using decoder = dense({ causal: true }).decoder({ heads: 2, kvHeads: 1, headDim: 16, capacity: 64, runtime });
    await decoder.append({ q: view(2, 30), k: view(1, 30), v: view(1, 30) });
    const last = { q: view(2, 4), k: view(1, 4), v: view(1, 4) };
    (last.v.data as Float32Array)[2 * 16] = NaN;
    const out = (await decoder.append(last)).out.data as Float32Array;
    const rowsWithNaN = Array.from({ length: 8 }, (_, row) =>
      out.subarray(row * 16, (row + 1) * 16).some((value) => Number.isNaN(value)),
    );
    expect(rowsWithNaN).toEqual([false, false, true, true, false, false, true, true]);
  });
});
