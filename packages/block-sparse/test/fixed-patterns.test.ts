import { dense, mask, maskTensor, score, type Attention } from "@saccade/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  aShape,
  bigBird,
  blockSparse,
  document,
  fixed,
  longformer,
  perHead,
  strided,
  verticalSlash,
} from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import {
  calls,
  difference,
  expectDeafTo,
  expectDecodes,
  expectDefined,
  expectSameBits,
  inputs,
  numRuns,
} from "./call-inputs.ts";
import type { Shows } from "./explicit-attention.ts";
import { uniform } from "./normal.ts";
import { names, randomBlocks } from "./random-blocks.ts";

const runtimes = await availableRuntimes();

/** A pattern, what it is said to show, and whether a decoder gives the rows of one call. */
interface Case {
  readonly attend: Attention;
  readonly shows: Shows;
  readonly decodes: boolean;
}

const distances = fc.uniqueArray(fc.nat({ max: 160 }), { maxLength: 40 });

const aShapes = fc
  .record({ sinks: fc.nat({ max: 40 }), recent: fc.integer({ min: 1, max: 90 }) })
  .map(({ sinks, recent }): Case => ({
    attend: aShape({ sinks, recent }),
    shows: (p, j) => j <= p && (p - j < recent || j < sinks),
    decodes: true,
  }));

const documents = fc
  .record({
    lengths: fc.array(fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 2 }),
    apart: fc.boolean(),
    causal: fc.boolean(),
  })
  .map(({ lengths, apart, causal }): Case => {
    const numbers = lengths.map((each) => each.flatMap((length, i) => Array<number>(length).fill(i)));
    const of = (b: number, position: number): number | undefined => numbers[apart ? b : 0]![position];
    return {
      attend: document(apart ? lengths : lengths[0]!, { causal }),
      shows: (p, j, _h, b) => of(b, p) !== undefined && of(b, p) === of(b, j) && (!causal || j <= p),
      decodes: causal && !apart,
    };
  });

const longformers = fc
  .record({
    window: fc.integer({ min: 1, max: 70 }),
    global: fc.oneof(fc.nat({ max: 40 }), distances),
    causal: fc.boolean(),
  })
  .map(({ window, global, causal }): Case => {
    const tokens = typeof global === "number" ? Array.from({ length: global }, (_, i) => i) : global;
    return {
      attend: longformer({ window, global, causal }),
      shows: (p, j) => (Math.abs(p - j) < window || tokens.includes(p) || tokens.includes(j)) && (!causal || j <= p),
      decodes: causal,
    };
  });

const stridedParts = fc
  .record({ stride: fc.integer({ min: 1, max: 50 }), part: fc.constantFrom("both", "local", "strided") })
  .map(({ stride, part }): Case => {
    const local: Shows = (p, j) => j >= p - stride && j <= p;
    const far: Shows = (p, j) => j <= p && Number.isInteger((p - j) / stride);
    return {
      attend: strided({ stride, part }),
      shows: (...at) => (part !== "strided" && local(...at)) || (part !== "local" && far(...at)),
      decodes: true,
    };
  });

const fixedParts = fc
  .record({
    stride: fc.integer({ min: 1, max: 50 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    part: fc.constantFrom("both", "local", "summary"),
  })
  .map(({ stride, share, part }): Case => {
    const summary = Math.round(share * stride);
    const stretch = (position: number): number => Math.floor(position / stride);
    const local: Shows = (p, j) => stretch(p) === stretch(j);
    const last: Shows = (_p, j) => j - stretch(j) * stride >= stride - summary;
    return {
      attend: fixed({ stride, summary, part }),
      shows: (p, j, h, b) =>
        j <= p && ((part !== "summary" && local(p, j, h, b)) || (part !== "local" && last(p, j, h, b))),
      decodes: true,
    };
  });

const verticalSlashes = fc.record({ verticals: distances, slashes: distances }).map(({ verticals, slashes }): Case => ({
  attend: verticalSlash({ verticals, slashes }),
  shows: (p, j) => j <= p && (verticals.includes(j) || slashes.includes(p - j)),
  decodes: true,
}));

const mixed = fc
  .tuple(aShapes, verticalSlashes, verticalSlashes, stridedParts, longformers, fixedParts, fc.nat({ max: 6 }))
  .map(([a, v, w, s, l, f, which]): Case => {
    const blocks = randomBlocks(30, 30, 0.4, 77);
    const all = { attend: mask`k <= q`, shows: ((p, j) => j <= p) as Shows, decodes: true };
    const listed = {
      attend: blockSparse({ blocks, blockSize: 8, causal: true }),
      shows: ((p, j) => j <= p && names(blocks, Math.floor(p / 8), Math.floor(j / 8))) as Shows,
      decodes: true,
    };
    const heads = [
      [all, a, a, all],
      [all, all, a, a],
      [v, s, l, f],
      [s, s, v, v],
      [v, a, w, l],
      [listed, all, listed, f],
      [a, a, a, a],
    ][which]!;
    return {
      attend: perHead(heads.map(({ attend }) => attend)),
      shows: (p, j, h, b) => heads[h]!.shows(p, j, h, b),
      decodes: heads.every(({ decodes }) => decodes),
    };
  });

const patterns: readonly (readonly [name: string, cases: fc.Arbitrary<Case>])[] = [
  ["aShape", aShapes],
  ["document", documents],
  ["longformer", longformers],
  ["strided", stridedParts],
  ["fixed", fixedParts],
  ["verticalSlash", verticalSlashes],
  ["perHead", mixed],
];

describe.each(runtimes)("on $label", ({ runtime }) => {
  describe.each(patterns)("%s", (_name, cases) => {
    test("is what explicit loops over its definition give", async () => {
      await fc.assert(
        fc.asyncProperty(cases, calls, ({ attend, shows }, call) => expectDefined(attend, call, shows, runtime)),
        { numRuns },
      );
    });

    test("shows no pair that a mask tensor hides", async () => {
      await fc.assert(
        fc.asyncProperty(cases, calls, fc.integer(), async ({ attend, shows }, call, seed) => {
          const [N, M] = [call.q.length, call.k.length];
          const next = uniform(seed);
          const data = Uint8Array.from({ length: N * M }, () => (next() < 0.7 ? 1 : 0));
          const { queryOffset, keyLengths } = call;
          const first = (b: number): number =>
            (queryOffset as ArrayLike<number> | undefined)?.[b] ?? (keyLengths?.[b] ?? M) - N;
          await expectDefined(
            attend,
            { ...call, mask: maskTensor(data, { shape: [1, 1, N, M] }) },
            (p, j, h, b) => shows(p, j, h, b) && data[(p - first(b)) * M + j] === 1,
            runtime,
          );
        }),
        { numRuns },
      );
    });

    test("decodes what it prefills, however the tokens are split", async () => {
      await fc.assert(
        fc.asyncProperty(
          cases.filter(({ decodes }) => decodes),
          fc.integer({ min: 1, max: 160 }),
          fc.array(fc.nat(), { maxLength: 8 }),
          ({ attend }, length, ends) =>
            expectDecodes(attend, inputs({ queries: length, seed: length }), ends, { runtime, capacity: 160 }),
        ),
        { numRuns },
      );
    });
  });

  test.each<[string, Attention, (key: number) => boolean]>([
    ["aShape", aShape({ sinks: 3, recent: 5 }), () => false],
    ["document", document([100, 0, 900]), (key) => key >= 1000],
    ["longformer", longformer({ window: 20, global: [5, 700], causal: true }), () => false],
    ["strided", strided({ stride: 37 }), () => false],
    ["fixed", fixed({ stride: 40, summary: 3, part: "summary" }), (key) => key % 40 < 37],
    ["verticalSlash", verticalSlash({ verticals: [3, 900, 64], slashes: [] }), (key) => ![3, 64, 900].includes(key)],
    [
      "perHead",
      perHead([0, 1, 2, 3].map((i) => verticalSlash({ verticals: [10 + i, 500], slashes: [] }))),
      (key) => key !== 500 && (key < 10 || key > 13),
    ],
  ])("%s has the same bits at one thread and two, and hears nothing of hidden keys", async (_, attend, hidden) => {
    const call = inputs({ queries: 1100 });
    await expectSameBits(attend, call, runtime);
    await expectDeafTo(attend, call, hidden, runtime);
  });

  test.each<[string, Attention, Shows]>([
    ["strided", strided({ stride: 64 }), (p, j) => j <= p && (p - j <= 64 || (p - j) % 64 === 0)],
    [
      "perHead",
      perHead([mask`k <= q`, aShape({ sinks: 4, recent: 100 }), strided({ stride: 64 }), mask`k <= q`]),
      (p, j, h) => j <= p && (h % 3 === 0 || (h === 1 ? p - j < 100 || j < 4 : p - j <= 64 || (p - j) % 64 === 0)),
    ],
    [
      "verticalSlash",
      verticalSlash({ verticals: [0, 700, 701, 1500], slashes: [0, 1, 2, 300, 900] }),
      (p, j) => j <= p && ([0, 700, 701, 1500].includes(j) || [0, 1, 2, 300, 900].includes(p - j)),
    ],
    [
      "longformer",
      longformer({ window: 200, global: [0, 1000, 1999] }),
      (p, j) => Math.abs(p - j) < 200 || [0, 1000, 1999].some((token) => token === p || token === j),
    ],
    [
      "fixed",
      fixed({ stride: 700, summary: 5 }),
      (p, j) => j <= p && (Math.floor(p / 700) === Math.floor(j / 700) || j % 700 >= 695),
    ],
  ])("%s is its definition over many blocks", async (_, attend, shows) => {
    await expectDefined(attend, inputs({ queries: 2000, headDim: 4, valueDim: 4 }), shows, runtime);
  });

  test.each([
    [1, 1],
    [3, 3],
    [64, 32],
    [64, 128],
    [239, 1],
    [799, 3],
    [113, 203],
    [108, 256],
    [1023, 1024],
    [1024, 1023],
  ])("patterns that hide nothing are dense attention: %i x %i", async (queries, keys) => {
    const call = inputs({ queries, keys, headDim: 8 });
    const want = await blockSparse({ mask: mask`k <= q` }).forward(call, { runtime, lse: true });
    const M = Math.max(queries, keys);
    const everything = Array.from({ length: M }, (_, i) => i);
    for (const attend of [
      aShape({ sinks: 0, recent: M }),
      aShape({ sinks: M, recent: 1 }),
      longformer({ window: M, global: 0, causal: true }),
      longformer({ window: 1, global: everything, causal: true }),
      strided({ stride: 1 }),
      fixed({ stride: 7, summary: 7 }),
      verticalSlash({ verticals: everything, slashes: everything }),
    ]) {
      const { out, lse } = await attend.forward(call, { runtime, lse: true });
      expect(difference(out.data as Float32Array, want.out.data as Float32Array)).toBeLessThan(4e-6);
      expect(difference(lse, want.lse)).toBeLessThan(4e-6);
    }
  });
});

test("options of scores are those of dense attention with the same mask", async () => {
  const call = inputs({ queries: 300 });
  const options = {
    scale: 0.3,
    softcap: 5,
    score: score`s - 0.01 * (q - k) * (h + 1)`,
    learnedSinks: [0.5, -1, 2, 0],
  };
  const shown = mask`k <= q && (q - k < 40 || k < 7)`;
  const want = await dense({ mask: shown, ...options }).forward(call, { lse: true });
  for (const attend of [
    aShape({ sinks: 7, recent: 40, ...options }),
    blockSparse({ mask: shown, ...options }),
    perHead(
      [0, 1, 2, 3].map(() => aShape({ sinks: 7, recent: 40 })),
      options,
    ),
  ]) {
    const { out, lse } = await attend.forward(call, { lse: true });
    expect(difference(out.data as Float32Array, want.out.data as Float32Array)).toBeLessThan(2e-6);
    expect(difference(lse, want.lse)).toBeLessThan(4e-6);
  }
});

describe("work follows the visible pairs", () => {
  const shape = { heads: 4, kvHeads: 2, queries: 8192, headDim: 64 };

  test.each<[string, Attention, number]>([
    ["aShape", aShape({ sinks: 64, recent: 1024 }), 1.6],
    ["document", document(Array<number>(8).fill(1024)), 1.7],
    ["longformer", longformer({ window: 257, global: 16 }), 1.7],
    ["strided", strided({ stride: 128 }), 2.8],
    ["fixed", fixed({ stride: 128, summary: 8 }), 1.25],
    [
      "verticalSlash, a local band",
      verticalSlash({ verticals: [0, 1, 2, 99, 4000], slashes: [...Array(1024).keys()] }),
      1.3,
    ],
    ["bigBird", bigBird({ blockSize: 64, window: 3, global: 2, random: 3, length: 8192 }), 1],
  ])("%s", (_, attend, most) => {
    const { visiblePairs, visitedPairs } = attend.plan(shape);
    expect(visitedPairs).toBeGreaterThanOrEqual(visiblePairs);
    expect(visitedPairs / visiblePairs).toBeLessThanOrEqual(most);
  });

  test("an isolated diagonal costs half a block of rows and some for every visible pair, where a block has 8 positions of 2 heads", () => {
    const { visiblePairs, visitedPairs } = verticalSlash({ verticals: [], slashes: [2000] }).plan(shape);
    expect(visitedPairs / visiblePairs).toBeLessThan(6);
  });
});

test("a pattern per head keeps what any head can see again", () => {
  const sizes = { heads: 2, queries: 1, keys: 5000, headDim: 16 };
  const bytes = (heads: readonly [Attention, Attention]): number => perHead(heads).plan(sizes).cacheBytes;
  const near = aShape({ sinks: 2, recent: 50 });
  expect(bytes([near, aShape({ sinks: 9, recent: 10 })])).toBe(59 * 2 * 32 * 4);
  expect(bytes([near, verticalSlash({ verticals: [], slashes: [1] })])).toBe(5000 * 2 * 32 * 4);
});

test.each<[() => unknown, string]>([
  [() => aShape({ sinks: -1, recent: 2 }), "aShape: sinks is -1, expected an integer in 0..2^30"],
  [() => aShape({ sinks: 0, recent: 0 }), "aShape: recent is 0, expected an integer in 1..2^30"],
  [() => document([]), "document: lengths is a Array, expected a length for every document"],
  [() => document([3, 2.5]), "document: lengths[1] is 2.5"],
  [() => document([[3], [-2]]), "document: lengths[1][0] is -2"],
  [
    () => document([[1], [2]]).forwardSync(inputs({ queries: 3 })),
    "document: lengths has 2 lists, expected one for each of B = 1",
  ],
  [() => longformer({ window: 0, global: 1 }), "longformer: window is 0"],
  [() => longformer({ window: 3, global: [1, 2.5] }), "longformer: global[1] is 2.5"],
  [() => strided({ stride: 0 }), "strided: stride is 0"],
  [() => strided({ stride: 4, part: "far" as never }), 'strided: part is "far", expected "both", "local" or "strided"'],
  [() => fixed({ stride: 4, summary: 5 }), "fixed: summary is 5, expected at most the stride, 4"],
  [() => fixed({ stride: 4, summary: 1, part: "x" as never }), 'fixed: part is "x"'],
  [() => verticalSlash({ verticals: [-1], slashes: [] }), "verticalSlash: verticals[0] is -1"],
  [
    () => verticalSlash({ verticals: [], slashes: 3 as never }),
    "verticalSlash: slashes is 3, expected a list of integers",
  ],
  [() => perHead([]), "perHead: entries is a Array, expected a pattern for every query head"],
  [
    () => perHead([aShape({ sinks: 1, recent: 1, scale: 2 })]),
    "perHead: entry 0 is a Object, expected a mask or an attention of this package",
  ],
  [
    () => perHead([aShape({ sinks: 1, recent: 1 })]).forwardSync(inputs({ queries: 2 })),
    "perHead: entries has 1 patterns, the call has H = 4",
  ],
])("what makes no sense is refused: %s", (call, message) => {
  expect(call).toThrow(message);
});
