import { describe, expect, test } from "vitest";
import { OUTCOME, PRODUCT_PLACES, type ProductArguments } from "../src/index.ts";
import { addon, best, built, isas } from "./built.ts";
import { random } from "./dense-call.ts";

const SHAPE = { N: 13, I: 19, O: 70 };

function packedLength(isa: number, I: number, O: number): number {
  const [lanes] = addon.productLayout(isa);
  return I * Math.ceil(O / lanes) * lanes;
}

function numbersOf(sizes: Partial<Record<keyof typeof PRODUCT_PLACES, number>>): Float64Array {
  const numbers = new Float64Array(PRODUCT_PLACES.count);
  for (const [name, value] of Object.entries(sizes)) numbers[PRODUCT_PLACES[name as "N"]] = value;
  return numbers;
}

function packCall(isa = best): [...ProductArguments] {
  const { I, O } = SHAPE;
  const numbers = numbersOf({ isa, threads: 2, I, O, mode: 1 });
  return [numbers, undefined, random(O * I, 1), undefined, new Float32Array(packedLength(isa, I, O)).fill(NaN)];
}

function productCall(isa = best): [...ProductArguments] {
  const pack = packCall(isa);
  addon.productSync(...pack);
  const { N, I, O } = SHAPE;
  const numbers = numbersOf({ isa, threads: 2, N, I, O });
  return [numbers, random(N * I, 2), pack[4], random(O, 3), new Float32Array(N * O).fill(NaN)];
}

describe.skipIf(!built)("the addon multiplies matrices", () => {
  test.each(isas)("by the formula, on instruction set %i", (isa) => {
    const { N, I, O } = SHAPE;
    const weights = random(O * I, 1);
    const call = productCall(isa);
    expect(addon.productSync(...call)).toBe(OUTCOME.done);
    const [, x, , bias, out] = call;
    for (let n = 0; n < N; n++) {
      for (let o = 0; o < O; o++) {
        let sum = bias![o]!;
        for (let i = 0; i < I; i++) sum += x![n * I + i]! * weights[o * I + i]!;
        expect(Math.abs(out[n * O + o]! - sum)).toBeLessThan(1e-5);
      }
    }
  });

  test("asynchronously, with the same bits", async () => {
    const [now, later] = [productCall(), productCall()];
    addon.productSync(...now);
    expect(await new Promise<number>((resolve) => addon.product(...later, resolve))).toBe(OUTCOME.done);
    expect(later[4]).toEqual(now[4]);
  });

  test("whose rows are transferred away end as vanished, and write nothing that anyone sees", async () => {
    const call = productCall();
    const rows = random(1000 * SHAPE.I, 2);
    call[0][PRODUCT_PLACES.N] = 1000;
    call[1] = rows;
    call[4] = new Float32Array(1000 * SHAPE.O);
    const outcome = new Promise<number>((resolve) => addon.product(...call, resolve));
    structuredClone(rows.buffer, { transfer: [rows.buffer] });
    expect(await outcome).toBe(OUTCOME.vanished);
  });

  test("of no rows", () => {
    const call = productCall();
    call[0][PRODUCT_PLACES.N] = 0;
    expect(addon.productSync(...call)).toBe(OUTCOME.done);
  });
});

describe.skipIf(!built)("the addon refuses products", () => {
  // What is not refused must stay inside the arrays: out lies between rows of sentinels, and a wild address would crash.
  test("or survives garbage in every number", () => {
    let state = 4321;
    const next = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const wild = [0, 1, -1, 2, 7, 13, 19, 20, 69, 70, 71, 2 ** 20, 2 ** 30, 2 ** 31, 2 ** 53, NaN, Infinity, 0.5, -0];
    let ran = 0;
    for (let round = 0; round < (process.env["SACCADE_EXHAUSTIVE"] ? 100_000 : 3000); round++) {
      const call = next(3) === 0 ? packCall() : productCall();
      const { length } = call[4];
      const fenced = new Float32Array(length + 64).fill(7);
      call[4] = fenced.subarray(32, 32 + length);
      for (let change = 0; change <= next(3); change++) call[0][next(PRODUCT_PLACES.count)] = wild[next(wild.length)]!;
      try {
        if (addon.productSync(...call) === OUTCOME.done) ran++;
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
      const outside = [...fenced.subarray(0, 32), ...fenced.subarray(32 + length)];
      if (outside.some((x) => x !== 7)) expect.fail(`round ${round} wrote outside of its array`);
    }
    expect(ran).toBeGreaterThan(100);
  });

  const number =
    (place: number, value: number, make = productCall) =>
    (): number => {
      const call = make();
      call[0][place] = value;
      return addon.productSync(...call);
    };
  const changed =
    (change: (call: [...ProductArguments]) => void, make = productCall) =>
    (): number => {
      const call = make();
      change(call);
      return addon.productSync(...call);
    };

  test("of sizes that do not fit their arrays", () => {
    expect(number(PRODUCT_PLACES.N, 14)).toThrow("x is shorter than its rows");
    expect(number(PRODUCT_PLACES.I, 18)).not.toThrow();
    expect(number(PRODUCT_PLACES.I, 2 ** 30)).toThrow("x is shorter than its rows");
    expect(number(PRODUCT_PLACES.O, 2 ** 30)).toThrow("weights is shorter than its rows");
    expect(changed((call) => void (call[4] = new Float32Array(13 * 70 - 1)))).toThrow("out is shorter than its rows");
    expect(changed((call) => void (call[3] = new Float32Array(69)))).toThrow("bias is shorter than its rows");
    expect(changed((call) => void (call[4] = call[4].subarray(1)), packCall)).toThrow("out is shorter than its rows");
    expect(changed((call) => void (call[2] = call[2].subarray(1)), packCall)).toThrow("weights is shorter");
  });

  test("of numbers out of range", () => {
    expect(number(PRODUCT_PLACES.N, -1)).toThrow("expected an integer in 0..");
    expect(number(PRODUCT_PLACES.O, 2 ** 31)).toThrow("expected an integer in 0..");
    expect(number(PRODUCT_PLACES.mode, 2)).toThrow("expected an integer in 0..1");
    expect(number(PRODUCT_PLACES.type, 1)).toThrow("expected an integer in 0..0");
    expect(number(PRODUCT_PLACES.type, 3, packCall)).toThrow("expected an integer in 0..2");
    expect(number(PRODUCT_PLACES.isa, 99)).toThrow("expected an integer in 0..");
    expect(number(PRODUCT_PLACES.threads, 0)).toThrow("expected an integer in 1..256");
    expect(() => addon.productLayout(99)).toThrow("layout of an unknown instruction set");
  });

  test("of arrays that are missing or of another kind", () => {
    expect(changed((call) => void (call[1] = undefined))).toThrow("x is missing");
    expect(changed((call) => void (call[2] = new Uint16Array(9999)))).toThrow("weights is not a Float32Array");
    expect(number(PRODUCT_PLACES.type, 1, packCall)).toThrow("weights is not");
    expect(changed((call) => void (call[0] = new Float64Array(3)))).toThrow("numbers have the wrong length");
    expect(changed((call) => void (call[4] = new Float64Array(9999) as unknown as Float32Array))).toThrow(
      "out is not a Float32Array",
    );
  });
});
