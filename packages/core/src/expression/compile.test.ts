import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile, INSTRUCTION_INTS, type Program } from "./compile.ts";
import { floorDivide, floorModulo, type PairPosition, realModulo } from "./evaluate.ts";
import { mask, type Mask, not, rootOf, score, type Score } from "./expression.ts";
import { flatten } from "./flat-code.ts";
import { OP } from "./operations.ts";
import { randomMasks, randomPairs, randomScores } from "./random-expression.ts";
import { REGISTERS } from "./registers.ts";

const numRuns = process.env["SACCADE_EXHAUSTIVE"] ? 30_000 : 3000;

const VARIABLES: Readonly<Record<number, keyof PairPosition>> = {
  [OP.QUERY]: "q",
  [OP.HEAD]: "h",
  [OP.KEY]: "k",
  [OP.BATCH]: "b",
  [OP.SCORE]: "s",
};

const INT_OPERATIONS: Readonly<Record<number, (x: number, y: number, c: number) => number>> = {
  [OP.IADD]: (x, y) => (x + y) | 0,
  [OP.ISUB]: (x, y) => (x - y) | 0,
  [OP.IMUL]: Math.imul,
  [OP.IDIV]: floorDivide,
  [OP.IMOD]: floorModulo,
  [OP.IMIN]: (x, y) => Math.min(x, y),
  [OP.IMAX]: (x, y) => Math.max(x, y),
  [OP.IABS]: (x) => Math.abs(x) | 0,
  [OP.ISHR]: (x, _, c) => x >> c,
  [OP.IAND]: (x, _, c) => x & c,
  [OP.ILT]: (x, y) => (x < y ? -1 : 0),
  [OP.ILE]: (x, y) => (x <= y ? -1 : 0),
  [OP.IEQ]: (x, y) => (x === y ? -1 : 0),
  [OP.AND]: (x, y) => x & y,
  [OP.OR]: (x, y) => x | y,
  [OP.NOT]: (x) => ~x,
};

const REAL_OPERATIONS: Readonly<Record<number, (x: number, y: number) => number>> = {
  [OP.FADD]: (x, y) => x + y,
  [OP.FSUB]: (x, y) => x - y,
  [OP.FMUL]: (x, y) => x * y,
  [OP.FDIV]: (x, y) => x / y,
  [OP.FMOD]: realModulo,
  [OP.FMIN]: Math.min,
  [OP.FMAX]: Math.max,
  [OP.FABS]: Math.abs,
  [OP.EXP]: Math.exp,
  [OP.LOG]: Math.log,
  [OP.TANH]: Math.tanh,
  [OP.FLOOR]: Math.floor,
};

const REAL_COMPARISONS: Readonly<Record<number, (x: number, y: number) => boolean>> = {
  [OP.FLT]: (x, y) => x < y,
  [OP.FLE]: (x, y) => x <= y,
  [OP.FEQ]: (x, y) => x === y,
};

/** A program's result at one pair, as 32-bit integer and as real; reals are f64 here, so that `at` gives the same. */
function run({ code, ends, result, tables }: Program, at: PairPosition): { int: number; real: number } {
  const ints = new Int32Array(REGISTERS);
  const reals = new Float64Array(REGISTERS);
  const view = new DataView(new ArrayBuffer(4));
  for (let i = 0; i < ends[3]; i++) {
    const [op, to, a, b, c] = code.subarray(i * INSTRUCTION_INTS) as unknown as [
      number,
      number,
      number,
      number,
      number,
    ];
    const set = (int: number, real: number): void => {
      ints[to] = int;
      reals[to] = real;
    };
    if (op === OP.CONST) {
      view.setInt32(0, a);
      set(a, view.getFloat32(0));
    } else if (op in VARIABLES) {
      set(at[VARIABLES[op]!], at[VARIABLES[op]!]);
    } else if (op === OP.LOOKUP) {
      const table = tables[b]!;
      const value = table[Math.min(Math.max(ints[a]!, 0), table.length - 1)]!;
      set(value, value);
    } else if (op === OP.FLOOKADD) {
      const table = tables[c]!;
      set(0, reals[b]! + table[Math.min(Math.max(ints[a]!, 0), table.length - 1)]!);
    } else if (op === OP.SELECT) {
      const from = ints[a] === -1 ? b : c;
      set(ints[from]!, reals[from]!);
    } else if (op === OP.FMADD) {
      set(0, reals[a]! * reals[b]! + reals[c]!);
    } else if (op === OP.FNMADD) {
      set(0, reals[c]! - reals[a]! * reals[b]!);
    } else if (op === OP.ICLAMP) {
      set(Math.min(Math.max(ints[a]!, ints[b]!), ints[c]!), NaN);
    } else if (op === OP.ISUBF) {
      set(0, (ints[a]! - ints[b]!) | 0);
    } else if (op === OP.I2F) {
      set(0, ints[a]!);
    } else if (op in INT_OPERATIONS) {
      set(INT_OPERATIONS[op]!(ints[a]!, ints[b]!, c), NaN);
    } else if (op in REAL_OPERATIONS) {
      set(0, REAL_OPERATIONS[op]!(reals[a]!, reals[b]!));
    } else if (op in REAL_COMPARISONS) {
      set(REAL_COMPARISONS[op]!(reals[a]!, reals[b]!) ? -1 : 0, NaN);
    } else {
      expect.fail(`operation ${op}`);
    }
  }
  return { int: ints[result]!, real: reals[result]! };
}

/** Constants folded in f64 that f32 rounds would make the program differ from the definition. */
function isExact(expression: Mask | Score): boolean {
  return flatten(rootOf(expression)).nodes.every(
    ({ type, value }) => type !== "real" || Object.is(Math.fround(value), value),
  );
}

function compiled(expression: Mask | Score): Program | undefined {
  try {
    return compile(expression);
  } catch (error) {
    expect((error as Error).message).toMatch(/^(mask|score): needs more than 24 values at once$/);
    return undefined;
  }
}

/** Operations in a program's sections, by name. */
function listing({ code, ends }: Program): string[] {
  const names = new Map(Object.entries(OP).map(([name, op]) => [op as number, name]));
  const list = Array.from({ length: ends[3] }, (_, i) => names.get(code[i * INSTRUCTION_INTS]!)!);
  return ends.map((end, section) => list.slice(ends[section - 1] ?? 0, end).join(" "));
}

describe("a program", () => {
  test("of a mask gives what the mask gives", () => {
    fc.assert(
      fc.property(randomMasks, fc.array(randomPairs, { minLength: 5, maxLength: 5 }), ({ texts, values }, pairs) => {
        const random = mask(texts, ...values);
        const program = compiled(random);
        if (program === undefined || !isExact(random)) return;
        for (const pair of pairs) expect(run(program, { ...pair, s: 0 }).int).toBe(random.at(pair) ? -1 : 0);
      }),
      { numRuns },
    );
  });

  test("of a score gives what the score gives", () => {
    fc.assert(
      fc.property(randomScores, randomPairs, fc.double({ min: -9, max: 9 }), ({ texts, values }, pair, s) => {
        const random = score(texts, ...values);
        const program = compiled(random);
        if (program === undefined || !isExact(random)) return;
        expect(run(program, { ...pair, s }).real).toBe(random.at({ ...pair, s }));
      }),
      { numRuns },
    );
  });

  test("writes registers of rows and keys once, and reads none that is not written", () => {
    fc.assert(
      fc.property(randomMasks, ({ texts, values }) => {
        const program = compiled(mask(texts, ...values));
        if (program === undefined) return;
        const { code, ends } = program;
        const kept = Array.from({ length: ends[2] }, (_, i) => code[i * INSTRUCTION_INTS + 1]!);
        const later = Array.from({ length: ends[3] - ends[2] }, (_, i) => code[(ends[2] + i) * INSTRUCTION_INTS + 1]!);
        expect(new Set(kept).size).toBe(kept.length);
        expect(later.filter((register) => kept.includes(register))).toEqual([]);
        expect(Math.max(...kept, ...later)).toBeLessThan(REGISTERS);
      }),
      { numRuns: 500 },
    );
  });

  test("has what is the same everywhere, for a row and for a key in sections of their own", () => {
    expect(listing(compile(mask`q * 2 + h < 3 || k % 64 == b && q - k < 7`))).toEqual([
      expect.stringMatching(/^(CONST|BATCH)( CONST| BATCH)+$/),
      expect.stringContaining("IMUL"),
      "KEY IAND IEQ",
      expect.stringContaining("ISUB ILT"),
    ]);
    expect(listing(compile(score`s - ${Float32Array.of(1)}[h] * (q - k)`))).toEqual([
      "",
      "QUERY HEAD LOOKUP",
      "KEY",
      "ISUBF SCORE FNMADD",
    ]);
    expect(listing(compile(score`s + ${Float32Array.of(1)}[min(max(q - k, 0), h)]`))[3]).toBe(
      "ISUB ICLAMP SCORE FLOOKADD",
    );
  });

  test("divides by powers of two with shifts, and has every subexpression once", () => {
    expect(listing(compile(mask`floor(q / 64) == floor(k / 64)`))).toEqual(["", "QUERY ISHR", "KEY ISHR", "IEQ"]);
    expect(listing(compile(mask`q - k < 4 || q - k > 9`))).toEqual(["CONST CONST", "QUERY", "KEY", expect.anything()]);
    expect(listing(compile(mask`q - k < 4 || q - k > 9`))[3]!.match(/ISUB/g)).toHaveLength(1);
    expect(compile(mask`floor(-9 / 4) == q`).code).toContain(-3);
  });

  test("refers to arrays of i32 and f32 without copying them", () => {
    const [ints, reals] = [Int32Array.of(1, 2), Float32Array.of(1, 2)];
    const { tables } = compile(mask`${ints}[q] < ${reals}[k] && ${ints}[k] > ${Uint8Array.of(9)}[q]`);
    expect([tables.includes(ints), tables.includes(reals)]).toEqual([true, true]);
    expect(tables).toHaveLength(3);
    expect(tables).toContainEqual(Int32Array.of(9));
  });

  test("is made once", () => {
    const causal = mask`q >= k`;
    expect(compile(causal)).toBe(compile(causal));
    expect(listing(compile(not(causal)))[3]).toBe("ILT");
  });

  test("with more values at once than there are registers is refused", () => {
    const texts = Array.from({ length: 26 }, (_, i) => `(q - k) * ${i + 3} > 5`);
    const template = Object.assign([texts.join(" || ")], { raw: [texts.join(" || ")] });
    expect(() => compile(mask(template))).toThrow("mask: needs more than 24 values at once");
  });
});
