import { openRuntime, tensor, type RotationPairs, type Runtime, type Tensor } from "@saccade/core";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { rope, type RopeScaling } from "../src/index.ts";

const runtimes: Runtime[] = [await openRuntime("auto"), await openRuntime("wasm"), await openRuntime("reference")];

afterAll(() => Promise.all(runtimes.map((runtime) => runtime[Symbol.asyncDispose]())));

const vector = (width: number): fc.Arbitrary<number[]> =>
  fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: width, maxLength: width });

const row = (numbers: ArrayLike<number>): Tensor =>
  tensor(Float32Array.from(numbers), { shape: [1, 1, 1, numbers.length] });

const dot = (a: Tensor, b: Tensor): number => {
  const [x, y] = [a.data as Float32Array, b.data as Float32Array];
  return x.reduce((sum, value, i) => sum + value * y[i]!, 0);
};

const random = (count: number, seed: number): Float32Array => {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
};

describe("rope", () => {
  test("turns by hand-computed angles", () => {
    const made = rope({ dim: 6, base: 100, rotaryDim: 4, pairs: "interleaved" });
    expect([...made.frequencies()]).toEqual([1, 0.1]);
    const x = row([1, 0, 0, 2, 5, 6]);
    const { out } = made.rotateSync(x, { offset: 3 });
    const want = [Math.cos(3), Math.sin(3), -2 * Math.sin(0.3), 2 * Math.cos(0.3), 5, 6];
    for (const [i, value] of want.entries()) expect((out.data as Float32Array)[i]).toBeCloseTo(value, 6);
  });

  test("makes the product of a query and a key depend on their distance alone", () => {
    const scalings: (RopeScaling | undefined)[] = [
      undefined,
      { type: "linear", factor: 3 },
      { type: "llama3", factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalLength: 256 },
    ];
    const ropes = scalings.flatMap((scaling) =>
      (["half", "interleaved"] as const).map((pairs) => rope({ dim: 20, rotaryDim: 16, pairs, scaling })),
    );
    const position = fc.integer({ min: 0, max: 5000 });
    fc.assert(
      fc.property(vector(20), vector(20), position, position, position, (q, k, distance, one, two) => {
        for (const made of ropes) {
          const product = (at: number): number =>
            dot(made.rotateSync(row(q), { offset: at + distance }).out, made.rotateSync(row(k), { offset: at }).out);
          expect(Math.abs(product(one) - product(two))).toBeLessThan(2e-5);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("keeps the length of every pair, but for YaRN's factor", () => {
    const scaling: RopeScaling = { type: "yarn", factor: 4, originalLength: 128 };
    const made = rope({ dim: 16, scaling });
    fc.assert(
      fc.property(vector(16), fc.integer({ min: 0, max: 9999 }), (x, offset) => {
        const y = made.rotateSync(row(x), { offset }).out.data as Float32Array;
        for (let i = 0; i < 8; i++) {
          const [before, after] = [Math.hypot(x[i]!, x[i + 8]!), Math.hypot(y[i]!, y[i + 8]!)];
          expect(Math.abs(after - made.attentionFactor * before)).toBeLessThan(1e-6);
        }
      }),
      { numRuns: 50 },
    );
  });

  test("is the published formula by loops on every runtime, in any layout and for any positions", async () => {
    const [B, H, N, D, R] = [2, 3, 17, 12, 8];
    const data = random(B * H * N * D, 7);
    const positions = Int32Array.from({ length: B * N }, (_, i) => (37 * i) % 1000);
    for (const pairs of ["half", "interleaved"] as RotationPairs[]) {
      const made = rope({ dim: D, rotaryDim: R, base: 500, pairs });
      for (const runtime of runtimes) {
        const x = tensor(data, { shape: [B, N, H, D], layout: "bnhd" });
        const { out } = await made.rotate(x, { positions, runtime });
        expect(out.layout).toBe("bnhd");
        for (let at = 0; at < data.length; at += D) {
          const token = Math.floor(at / (H * D));
          for (let i = 0; i < R / 2; i++) {
            const angle = positions[token]! * 500 ** ((-2 * i) / R);
            const [first, second] = pairs === "half" ? [at + i, at + i + R / 2] : [at + 2 * i, at + 2 * i + 1];
            const [x0, x1] = [data[first]!, data[second]!];
            const got = out.data as Float32Array;
            expect(got[first]).toBeCloseTo(x0 * Math.cos(angle) - x1 * Math.sin(angle), 5);
            expect(got[second]).toBeCloseTo(x0 * Math.sin(angle) + x1 * Math.cos(angle), 5);
          }
        }
      }
    }
  });

  test("turns in place and one token after the other to the same bits", async () => {
    const made = rope({ dim: 64 });
    const data = random(4 * 30 * 64, 3);
    const whole = await made.rotate(tensor(data, { shape: [1, 4, 30, 64] }), { offset: 100 });
    const inPlace = tensor(data.slice(), { shape: [1, 4, 30, 64] });
    for (let n = 0; n < 30; n++) {
      const token: Tensor = { ...inPlace, length: 1, offset: n * 64 };
      made.rotateSync(token, { offset: 100 + n, out: token });
    }
    expect(
      Buffer.compare(
        Buffer.from((inPlace.data as Float32Array).buffer),
        Buffer.from((whole.out.data as Float32Array).buffer),
      ),
    ).toBe(0);
  });

  test("fixes dynamic NTK for a length", () => {
    const made = rope({ dim: 8, scaling: { type: "dynamic-ntk", factor: 2, originalLength: 100 } });
    expect(made.lengthDependent).toBe(true);
    const x = row([1, 2, 3, 4, 5, 6, 7, 8]);
    const at = (length: number): number[] => [...(made.rotateSync(x, { offset: 50, length }).out.data as Float32Array)];
    expect(at(100)).toEqual(at(51));
    expect(at(200)).not.toEqual(at(100));
    const { cos } = made.tables(200);
    expect(cos[50 * 4 + 3]).toBeCloseTo(Math.cos(50 * made.frequencies(200)[3]!), 6);
    const kept = made.rotation(300);
    const before = [...kept.cos];
    made.rotation(400);
    expect([...kept.cos]).toEqual(before);
    expect(kept.length).toBe(300);
  });

  test("gives tables of the length that was asked for, and rotations of at least that", () => {
    const made = rope({ dim: 10, rotaryDim: 6 });
    expect(made.tables(7).cos).toHaveLength(21);
    const rotation = made.rotation(7);
    expect(rotation.length).toBeGreaterThanOrEqual(7);
    expect(rotation).toMatchObject({ rotaryDim: 6, pairs: "half" });
  });

  test("refuses what does not fit", async () => {
    const made = rope({ dim: 8 });
    const x = row([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(() => made.rotateSync(row([1, 2]))).toThrow("rope.rotateSync: x has D = 2, the rope was made for D = 8");
    expect(() => made.rotateSync(x, { positions: [-1] })).toThrow("positions[0] is -1");
    expect(() => made.rotateSync(x, { positions: [0.5] })).toThrow("positions[0] is 0.5");
    expect(() => made.rotateSync(x, { offset: -3 })).toThrow("offset is -3");
    expect(() => made.rotateSync(x, { length: 1.5 })).toThrow("length is 1.5");
    expect(() => made.tables(-1)).toThrow("rope.tables: length is -1");
    await expect(made.rotate(x, { positions: [1, 2] })).rejects.toThrow("positions has 2 elements");
    await expect(made.rotate(x, { signal: AbortSignal.abort(new Error("no")) })).rejects.toThrow("no");
  });
});
