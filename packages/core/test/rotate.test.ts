import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { rotate, rotateInto, rotateSync, tensor, type Layout, type Rotation, type Tensor } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { RandomNumbers } from "./random-numbers.ts";
import { sameBits } from "./same-bits.ts";

const exhaustive = Boolean(process.env["SACCADE_EXHAUSTIVE"]);
const { available } = await availableRuntimes();

afterAll(() => Promise.all(available.map(({ runtime }) => runtime[Symbol.asyncDispose]())));

interface Sizes {
  readonly batch: number;
  readonly heads: number;
  readonly length: number;
  readonly width: number;
  readonly rotaryDim: number;
  readonly pairs: Rotation["pairs"];
  readonly layout: Layout;
  /** Numbers between rows that belong to nobody. */
  readonly gap: number;
  readonly offset: number;
}

const sizes: fc.Arbitrary<Sizes> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    heads: fc.integer({ min: 1, max: 4 }),
    length: fc.integer({ min: 1, max: 90 }),
    width: fc.integer({ min: 2, max: 80 }),
    half: fc.integer({ min: 1, max: 40 }),
    pairs: fc.constantFrom("half" as const, "interleaved" as const),
    layout: fc.constantFrom("bhnd" as const, "bnhd" as const),
    gap: fc.constantFrom(0, 0, 3),
    offset: fc.constantFrom(0, 1, 17),
  })
  .map(({ half, ...rest }) => ({ ...rest, rotaryDim: 2 * Math.min(half, Math.floor(rest.width / 2)) }));

const ROWS = 120;
const GAP = 7;

const rotationOf = ({ rotaryDim, pairs }: Pick<Sizes, "rotaryDim" | "pairs">, random: RandomNumbers): Rotation => {
  const table = (): Float32Array =>
    Float32Array.from({ length: (ROWS * rotaryDim) / 2 }, () => 2 * random.uniform() - 1);
  return { cos: table(), sin: table(), length: ROWS, rotaryDim, pairs };
};

const place = ({ batch, heads, length, width, layout, gap, offset }: Sizes, data?: Float32Array): Tensor => {
  const row = width + gap;
  const strides =
    layout === "bhnd"
      ? { b: heads * length * row, h: length * row, n: row }
      : { b: heads * length * row, h: row, n: heads * row };
  const shape: [number, number, number, number] =
    layout === "bhnd" ? [batch, heads, length, width] : [batch, length, heads, width];
  const floats = data ?? new Float32Array(offset + batch * heads * length * row).fill(GAP);
  return tensor(floats, { shape, layout, offset, strides });
};

const rowAt = ({ offset, strides }: Tensor, b: number, h: number, n: number): number =>
  offset + b * strides.b + h * strides.h + n * strides.n;

const eachRow = (x: Tensor, visit: (b: number, h: number, n: number) => void): void => {
  for (let b = 0; b < x.batch; b++) {
    for (let h = 0; h < x.heads; h++) for (let n = 0; n < x.length; n++) visit(b, h, n);
  }
};

const randomTensor = (given: Sizes, random: RandomNumbers): Tensor => {
  const x = place(given);
  eachRow(x, (b, h, n) => (x.data as Float32Array).set(random.normal(x.width), rowAt(x, b, h, n)));
  return x;
};

/** [B, H, N, D] by the formula, written for complex numbers: pair i of a row is multiplied by cos + i sin. */
const expected = (
  x: Tensor,
  { cos, sin, rotaryDim, pairs }: Rotation,
  positionOf: (b: number, n: number) => number,
) => {
  const out: number[] = [];
  const floats = x.data as Float32Array;
  eachRow(x, (b, h, n) => {
    const row = Array.from(floats.subarray(rowAt(x, b, h, n), rowAt(x, b, h, n) + x.width));
    for (let i = 0; i < rotaryDim / 2; i++) {
      const [re, im] = pairs === "half" ? [i, i + rotaryDim / 2] : [2 * i, 2 * i + 1];
      const [a, z] = [row[re]!, row[im]!];
      const at = positionOf(b, n) * (rotaryDim / 2) + i;
      row[re] = a * cos[at]! - z * sin[at]!;
      row[im] = a * sin[at]! + z * cos[at]!;
    }
    out.push(...row);
  });
  return out;
};

const numbersOf = (x: Tensor): Float32Array => {
  const out: number[] = [];
  eachRow(x, (b, h, n) => {
    const floats = x.data instanceof Float32Array ? x.data : x.data.floats();
    out.push(...floats.subarray(rowAt(x, b, h, n), rowAt(x, b, h, n) + x.width));
  });
  return Float32Array.from(out);
};

const largestError = (got: ArrayLike<number>, want: readonly number[]): number =>
  want.reduce((most, value, i) => Math.max(most, Math.abs(value - got[i]!)), 0);

for (const { label, runtime } of available) {
  describe(`rotation on ${label}`, () => {
    const all = (check: (given: Sizes, seed: number) => void): void =>
      fc.assert(fc.property(sizes, fc.integer(), check), { numRuns: exhaustive ? 2000 : 60 });

    test("is the formula, for any sizes and strides and for positions in any order", () => {
      all((given, seed) => {
        const random = new RandomNumbers(seed);
        const x = randomTensor(given, random);
        const rotation = rotationOf(given, random);
        const { batch, length } = given;
        const one = Int32Array.from({ length }, () => random.integer(0, ROWS - 1));
        const each = Int32Array.from({ length: batch * length }, () => random.integer(0, ROWS - 1));
        const cases = [
          { options: { offset: 5 }, positionOf: (_: number, n: number) => 5 + n },
          { options: { positions: one }, positionOf: (_: number, n: number) => one[n]! },
          { options: { positions: each }, positionOf: (b: number, n: number) => each[b * length + n]! },
        ];
        for (const { options, positionOf } of cases) {
          const { out } = rotateSync(x, rotation, { ...options, runtime });
          const want = expected(x, rotation, positionOf);
          // Two products and a sum of numbers below 5, each rounded once.
          expect(largestError(numbersOf(out), want)).toBeLessThan(2e-6);
        }
      });
    });

    test("has the same bits in place, into another layout, token by token and asynchronously", async () => {
      await fc.assert(
        fc.asyncProperty(sizes, fc.integer(), async (given, seed) => {
          const random = new RandomNumbers(seed);
          const x = randomTensor(given, random);
          const rotation = rotationOf(given, random);
          const want = numbersOf(rotateSync(x, rotation, { offset: 2, runtime }).out);

          const elsewhere = place({ ...given, layout: given.layout === "bhnd" ? "bnhd" : "bhnd", gap: 1 });
          const { out } = await rotate(x, rotation, { offset: 2, out: elsewhere, runtime });
          expect(out).toBe(elsewhere);
          expect(sameBits(numbersOf(elsewhere), want)).toBe(true);

          const apart = place(given);
          for (let n = 0; n < given.length; n++) {
            const token = (view: Tensor): Tensor => ({ ...view, length: 1, offset: view.offset + n * view.strides.n });
            rotateInto(runtime, token(x), token(apart), rotation, n + 2);
          }
          expect(sameBits(numbersOf(apart), want)).toBe(true);

          rotateInto(runtime, x, x, rotation, 2);
          expect(sameBits(numbersOf(x), want)).toBe(true);
          const floats = x.data as Float32Array;
          const rows = given.batch * given.heads * given.length;
          expect(floats.filter((number) => number === GAP).length).toBe(floats.length - rows * given.width);
        }),
        { numRuns: exhaustive ? 500 : 30 },
      );
    });

    test("reads and writes the runtime's own buffers", () => {
      const given: Sizes = { ...small, batch: 2, heads: 3, length: 40 };
      const random = new RandomNumbers(3);
      const x = randomTensor(given, random);
      const rotation = rotationOf(given, random);
      const want = numbersOf(rotateSync(x, rotation, { runtime }).out);
      const buffer = runtime.allocate(x.data.length);
      const other = runtime.allocate(x.data.length);
      const [inside, beside] = [buffer, other].map((data) => tensor(data, { shape: [2, 3, 40, given.width] }));
      rotateInto(runtime, x, inside!, rotation, 0);
      expect(sameBits(numbersOf(inside!), want)).toBe(true);
      buffer.floats().set(x.data as Float32Array);
      rotateInto(runtime, inside!, beside!, rotation, 0);
      expect(sameBits(numbersOf(beside!), want)).toBe(true);
      expect(sameBits(numbersOf(rotateSync(inside!, rotation, { runtime }).out), want)).toBe(true);
      rotateInto(runtime, inside!, inside!, rotation, 0);
      expect(sameBits(numbersOf(inside!), want)).toBe(true);
      buffer.free();
      other.free();
    });

    test("says what it ran on", async () => {
      const result = await rotate(zeros([1, 1, 2, 8]), quarter(2), { runtime });
      expect(result).toMatchObject({ runtime: runtime.name, threads: 1, notTaken: runtime.info(1).notTaken });
    });

    test("gives the event loop turns and stops when aborted", { timeout: 60_000 }, async () => {
      const x = zeros([1, 8, 16_384, 64]);
      const positions = new Int32Array(16_384);
      let [longest, last, running] = [0, performance.now(), true];
      const tick = (): void => {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
        if (running) setImmediate(tick);
      };
      setImmediate(tick);
      await rotate(x, quarter(64), { positions, out: x, runtime });
      running = false;
      // A busy machine pauses any program; a rotation that never yields takes longer on most runtimes.
      expect(longest).toBeLessThan(400);

      const controller = new AbortController();
      controller.abort(new Error("enough"));
      await expect(rotate(x, quarter(64), { positions, runtime, signal: controller.signal })).rejects.toThrow("enough");
    });
  });
}

const small: Sizes = {
  batch: 1,
  heads: 1,
  length: 1,
  width: 24,
  rotaryDim: 20,
  pairs: "half",
  layout: "bhnd",
  gap: 0,
  offset: 0,
};

const zeros = (shape: readonly [number, number, number, number]): Tensor =>
  tensor(new Float32Array(shape.reduce((product, size) => product * size, 1)), { shape });

/** A quarter turn at position 1. */
const quarter = (rotaryDim: number): Rotation => ({
  cos: Float32Array.from({ length: rotaryDim }, (_, i) => (i < rotaryDim / 2 ? 1 : 0)),
  sin: Float32Array.from({ length: rotaryDim }, (_, i) => (i < rotaryDim / 2 ? 0 : 1)),
  length: 2,
  rotaryDim,
  pairs: "half",
});

describe("rotate", () => {
  test("turns a quarter in the direction of the published formula", () => {
    const x = tensor(Float32Array.of(1, 2, 3, 4, 5), { shape: [1, 1, 1, 5] });
    const half = rotateSync(x, quarter(4), { offset: 1 }).out;
    expect([...(half.data as Float32Array)]).toEqual([-3, -4, 1, 2, 5]);
    const interleaved = rotateSync(x, { ...quarter(4), pairs: "interleaved" }, { offset: 1 }).out;
    expect([...(interleaved.data as Float32Array)]).toEqual([-2, 1, -4, 3, 5]);
  });

  test("does nothing where there are no tokens", async () => {
    expect(rotateSync(zeros([2, 0, 2, 8]), quarter(8), { offset: 0 }).out.data.length).toBe(0);
    expect((await rotate(zeros([2, 4, 0, 8]), quarter(8))).out.length).toBe(0);
  });

  const x = zeros([2, 3, 2, 8]);
  const other = tensor(x.data, { shape: [1, 3, 2, 8], offset: 8 });
  const refusals: readonly [what: string, run: () => unknown, message: string][] = [
    ["no tensor", () => rotateSync({} as Tensor, quarter(8)), "rotateSync: x is a Object, expected a tensor"],
    ["an odd R", () => rotateSync(x, { ...quarter(8), rotaryDim: 3 }), "rotaryDim is 3, expected an even number"],
    ["R above D", () => rotateSync(x, quarter(10)), "rotaryDim is 10, expected an even number in 2..D = 8"],
    ["short tables", () => rotateSync(x, { ...quarter(8), length: 3 }), "need 12 numbers, cos has 8, sin has 8"],
    ["other pairs", () => rotateSync(x, { ...quarter(8), pairs: "all" as "half" }), 'pairs is "all", expected "half"'],
    ["positions beyond", () => rotateSync(x, quarter(8), { offset: 1 }), "position 2 is beyond the 2 positions"],
    [
      "a listed position",
      () => rotateSync(x, quarter(8), { positions: [0, 2] }),
      "positions[1] is 2, the rotation has",
    ],
    ["negative positions", () => rotateSync(x, quarter(8), { positions: [0, -1] }), "positions[1] is -1, expected an"],
    ["a negative offset", () => rotateSync(x, quarter(8), { offset: -1 }), "offset is -1, expected an integer"],
    ["both", () => rotateSync(x, quarter(8), { offset: 0, positions: [0, 1] }), "both positions and offset are given"],
    ["a count", () => rotateSync(x, quarter(8), { positions: [0] }), "has 1 elements, expected N = 2 or B N = 4"],
    [
      "another shape",
      () => rotateSync(x, quarter(8), { out: zeros([2, 3, 2, 9]) }),
      "out is [B, H, N, D] = [2, 3, 2, 9]",
    ],
    [
      "a shifted view of itself",
      () => rotateSync({ ...x, batch: 1 }, quarter(8), { out: other }),
      "out overlaps x without being the same view",
    ],
    [
      "rows on top of each other",
      () => rotateSync(x, quarter(8), { out: { ...x, strides: { b: 48, h: 16, n: 4 } } }),
      "the strides of out name an element twice",
    ],
  ];
  for (const [what, run, message] of refusals) test(`refuses ${what}`, () => expect(run).toThrow(message));

  test("refuses as a rejection", async () => {
    await expect(rotate(x, quarter(10))).rejects.toThrow("rotate: rotaryDim is 10");
  });
});
