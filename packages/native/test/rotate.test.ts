import { describe, expect, test } from "vitest";
import { ROTATE_NUMBERS, type RotateArguments } from "../src/index.ts";
import { addon, best, built } from "./built.ts";
import { random } from "./dense-call.ts";

const exhaustive = Boolean(process.env["SACCADE_EXHAUSTIVE"]);

interface Shape {
  readonly B: number;
  readonly H: number;
  readonly N: number;
  readonly D: number;
  readonly R: number;
}

const ROWS = 30;
const SHAPE: Shape = { B: 2, H: 3, N: 5, D: 20, R: 18 };

/** A contiguous rotation of pairs of halves from one array into another, with a position for each token. */
const rotationCall = ({ B, H, N, D, R }: Shape): [...RotateArguments] => {
  const numbers = new Float64Array(ROTATE_NUMBERS.count);
  for (const [name, value] of Object.entries({ isa: best, B, H, N, D, R, rows: ROWS, positionB: N })) {
    numbers[ROTATE_NUMBERS[name as "B"]] = value;
  }
  numbers.set([0, H * N * D, N * D, D], ROTATE_NUMBERS.from);
  numbers.set([0, H * N * D, N * D, D], ROTATE_NUMBERS.to);
  const table = (ROWS * R) / 2;
  return [
    numbers,
    random(B * H * N * D, 1),
    new Float32Array(B * H * N * D).fill(NaN),
    random(table, 2),
    random(table, 3),
    Int32Array.from({ length: B * N }, (_, i) => (7 * i) % ROWS),
  ];
};

describe.skipIf(!built)("the addon rotates", () => {
  test("by the formula", () => {
    const call = rotationCall(SHAPE);
    addon.rotate(...call);
    const [, from, to, cos, sin, positions] = call;
    const { B, H, N, D, R } = SHAPE;
    for (let row = 0; row < B * H * N; row++) {
      const position = positions![Math.floor(row / (H * N)) * N + (row % N)]!;
      for (let d = 0; d < D; d++) {
        const [x, other] = [from[row * D + d]!, from[row * D + (d < R / 2 ? d + R / 2 : d - R / 2)]!];
        const at = (position * R) / 2 + (d % (R / 2));
        const want = d >= R ? x : x * cos[at]! + (d < R / 2 ? -other : other) * sin[at]!;
        expect(Math.abs(to[row * D + d]! - want)).toBeLessThan(4e-7);
      }
    }
  });

  test("nothing where there are no tokens", () => {
    expect(() => addon.rotate(...rotationCall({ ...SHAPE, N: 0 }))).not.toThrow();
  });
});

describe.skipIf(!built)("the addon refuses rotations", () => {
  const changed = (change: (call: [...RotateArguments]) => void) => () => {
    const call = rotationCall(SHAPE);
    change(call);
    addon.rotate(...call);
  };
  const number = (index: number, value: number) => changed((call) => void (call[0][index] = value));

  test("of arrays of the wrong kind, or detached, by name", () => {
    expect(changed((call) => void (call[1] = new Float64Array(9) as unknown as Float32Array))).toThrow(
      "native: from is not a Float32Array",
    );
    expect(changed((call) => void (call[5] = new Uint32Array(10) as unknown as Int32Array))).toThrow(
      "positions is not an Int32Array",
    );
    expect(changed((call) => void (call[0] = new Float64Array(3)))).toThrow("numbers have the wrong length");
    expect(() => addon.rotate(...([] as unknown as RotateArguments))).toThrow("numbers is not a Float64Array");
    const call = rotationCall(SHAPE);
    structuredClone(call[2].buffer, { transfer: [call[2].buffer as ArrayBuffer] });
    expect(() => addon.rotate(...call)).toThrow("to is detached");
  });

  test("that reach beyond their arrays", () => {
    expect(changed((call) => void (call[1] = call[1].subarray(1)))).toThrow("from reaches from element 0 to 599");
    expect(changed((call) => void (call[2] = call[2].subarray(1)))).toThrow("to reaches from element 0 to 599");
    expect(changed((call) => void (call[3] = call[3].subarray(1)))).toThrow("cosines is shorter than its rows");
    expect(changed((call) => void (call[4] = call[4].subarray(1)))).toThrow("sines is shorter than its rows");
    expect(changed((call) => void (call[5] = call[5]!.subarray(1)))).toThrow("positions is too short");
    expect(number(ROTATE_NUMBERS.to + 3, -20)).toThrow("to reaches");
    expect(number(ROTATE_NUMBERS.from + 1, 2 ** 52)).toThrow("from reaches");
  });

  test("of sizes that are no sizes", () => {
    expect(number(ROTATE_NUMBERS.R, 17)).toThrow("R is odd");
    expect(number(ROTATE_NUMBERS.R, 22)).toThrow("is 22, expected an integer in 0..20");
    expect(number(ROTATE_NUMBERS.D, 0)).toThrow("is 0, expected an integer in 1..65536");
    expect(number(ROTATE_NUMBERS.H, 1.5)).toThrow("is 1.5, expected an integer");
    expect(number(ROTATE_NUMBERS.N, NaN)).toThrow("is nan, expected an integer");
    expect(number(ROTATE_NUMBERS.isa, 99)).toThrow("is 99, expected an integer");
  });

  test("to positions that are not in the tables", () => {
    expect(changed((call) => void (call[5]![9] = ROWS))).toThrow("a position is not in the tables");
    expect(changed((call) => void (call[5]![0] = -1))).toThrow("a position is not in the tables");
    const without = (offset: number) =>
      changed((call) => {
        call[5] = undefined;
        call[0][ROTATE_NUMBERS.offset] = offset;
      });
    expect(without(ROWS - 5)).not.toThrow();
    expect(without(ROWS - 4)).toThrow("a position is not in the tables");
    expect(without(-1)).toThrow("a position is not in the tables");
  });

  // What is not refused must stay inside the arrays: `to` lies between sentinels, and a wild address would crash.
  test("or survives garbage in every number and position", () => {
    let state = 12345;
    const next = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const wild = [0, 1, -1, 2, 3, 5, 20, 29, 30, 31, 100, 599, 600, 2 ** 30, 2 ** 31 - 1, -(2 ** 31), 2 ** 16];
    const wilder = [...wild, NaN, Infinity, -Infinity, 0.5, 2 ** 53, -(2 ** 53), 1e300, 2 ** 62, -0];
    let ran = 0;
    for (let round = 0; round < (exhaustive ? 400_000 : 20_000); round++) {
      const D = 1 + next(40);
      const call = rotationCall({ B: 1 + next(2), H: 1 + next(3), N: 1 + next(9), D, R: 2 * next(1 + D / 2) });
      const { length } = call[2];
      const fenced = new Float32Array(length + 64).fill(7);
      call[2] = fenced.subarray(32, 32 + length);
      for (let change = 0; change <= next(3); change++) {
        if (next(3) > 0) call[0][next(ROTATE_NUMBERS.count)] = wilder[next(wilder.length)]!;
        else call[5]![next(call[5]!.length)] = wild[next(wild.length)]!;
      }
      if (next(4) === 0) call[5] = undefined;
      try {
        addon.rotate(...call);
        ran++;
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
      const intact = fenced.subarray(0, 32).every((x) => x === 7) && fenced.subarray(32 + length).every((x) => x === 7);
      if (!intact) expect.fail(`round ${round} wrote outside of its array`);
    }
    expect(ran).toBeGreaterThan(100);
  });
});
