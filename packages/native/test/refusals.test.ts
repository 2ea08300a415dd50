import { describe, expect, test } from "vitest";
import { NUMBERS, OUTCOME, type CallArguments } from "../src/index.ts";
import { addon, best, built } from "./built.ts";
import { BIAS, denseCall, INDICES, K, LSE, MASK, OUT, PROGRAMS, Q, REACHES, SINKS, V } from "./dense-call.ts";

const exhaustive = Boolean(process.env["SACCADE_EXHAUSTIVE"]);

describe.skipIf(!built)("the addon refuses", () => {
  const good = () => denseCall({ B: 2, H: 4, G: 2, N: 20, M: 30, D: 8, parts: 2, isa: best });
  const changed = (change: (call: [...CallArguments]) => void) => () => {
    const call = good();
    change(call);
    return addon.attendSync(...call);
  };
  const unit = (index: number, value: number) => changed((call) => void (call[1][index] = value));
  const task = (index: number, value: number) => changed((call) => void (call[2][index] = value));
  const number = (index: number, value: number) => changed((call) => void (call[0][index] = value));

  test("arrays of the wrong kind, by name", () => {
    expect(changed((call) => void (call[Q] = new Float64Array(9) as unknown as Float32Array))).toThrow(
      "q is not a Float32Array",
    );
    expect(changed((call) => void (call[K] = [1] as unknown as Float32Array))).toThrow("k is not a Float32Array");
    expect(changed((call) => void (call[1] = new Float32Array(12) as unknown as Int32Array))).toThrow(
      "units is not an Int32Array",
    );
    expect(changed((call) => void (call[MASK] = new Float32Array(1) as unknown as Uint8Array))).toThrow(
      "mask is not a Uint8Array",
    );
    expect(() => addon.attendSync(...([] as unknown as CallArguments))).toThrow("numbers is not a Float64Array");
  });

  test("detached arrays, by name", () => {
    const call = good();
    structuredClone(call[V].buffer, { transfer: [call[V].buffer as ArrayBuffer] });
    expect(() => addon.attendSync(...call)).toThrow("v is detached");
  });

  test("views that reach beyond their arrays", () => {
    expect(changed((call) => void (call[Q] = call[Q].subarray(1)))).toThrow(
      "q reaches from element 0 to 1279, its array has 1279",
    );
    expect(changed((call) => void (call[OUT] = call[OUT].subarray(1)))).toThrow("out reaches");
    expect(changed((call) => void (call[LSE] = call[LSE]!.subarray(1)))).toThrow("lse reaches");
    expect(changed((call) => void (call[BIAS] = new Float32Array(29)))).toThrow("bias reaches from element 0 to 29");
    expect(changed((call) => void (call[MASK] = new Uint8Array(29)))).toThrow("mask reaches from element 0 to 29");
    expect(changed((call) => void (call[SINKS] = new Float32Array(3)))).toThrow(
      "learnedSinks reaches from element 0 to 3",
    );
    expect(number(NUMBERS.k, -1)).toThrow("k reaches from element -1");
    expect(number(NUMBERS.k + 3, -8)).toThrow("k reaches");
    expect(number(NUMBERS.v + 2, 2 ** 52)).toThrow("v reaches");
    expect(number(NUMBERS.out + 1, 1e300)).toThrow("expected an integer");
  });

  test("sizes that are no sizes", () => {
    expect(number(NUMBERS.D, 0)).toThrow("D is 0, expected 1..65536");
    expect(number(NUMBERS.E, 2 ** 17)).toThrow("E is 131072");
    expect(number(NUMBERS.N, -1)).toThrow("N is -1");
    expect(number(NUMBERS.M, NaN)).toThrow("expected an integer");
    expect(number(NUMBERS.B, 2.5)).toThrow("expected an integer");
    expect(number(NUMBERS.isa, 99)).toThrow("no such instruction set");
    expect(number(NUMBERS.keyRows, -1)).toThrow("keyRows is -1");
    expect(number(NUMBERS.keyType, 1)).toThrow("k is not an array of the type that it stores");
    expect(number(NUMBERS.valueType, 4)).toThrow("v is not an array of the type that it stores");
  });

  test("units that name heads, tasks, keys, slots or joins that are not there", () => {
    expect(unit(0, 2)).toThrow("batch element 2");
    expect(unit(1, 3)).toThrow("heads 3 + 2");
    expect(unit(2, 0)).toThrow("heads 0 + 0");
    expect(unit(3, -1)).toThrow("key head -1");
    expect(unit(4, 1)).toThrow("tasks 1 + 1");
    expect(unit(5, 2 ** 31 - 1)).toThrow("tasks 0 +");
    expect(unit(6, 31)).toThrow("keys 31");
    expect(unit(7, 31)).toThrow("to 31");
    expect(unit(8, 2)).toThrow("part 2 of 2");
    expect(unit(9, 0)).toThrow("part 0 of 0");
    expect(unit(10, -1)).toThrow("slot -1");
    expect(unit(10, 8)).toThrow("slot 8");
    expect(unit(11, 8)).toThrow("join 8");
  });

  test("tasks that name rows or keys that are not there", () => {
    expect(task(0, 1)).toThrow("rows reach 20, expected less than 20");
    expect(task(1, 0)).toThrow("no rows");
    expect(task(2, 2)).toThrow("rows reach 38");
    expect(task(2, 0)).toThrow("stride 0");
    expect(task(3, 1)).toThrow("keys reach 30");
    expect(task(4, -1)).toThrow("count -1");
    expect(task(5, 2 ** 31 - 1)).toThrow("keys reach");
    expect(task(6, 1)).toThrow("operand is 1");
    expect(task(7, 8)).toThrow("unknown flags 8");
    expect(task(8, 1)).toThrow("rows of keys 1 to 30, expected within 30");
    expect(task(9, 0)).toThrow("task: rows: indices 0 + 20 of 0");
    expect(task(10, 5)).toThrow("task: keys: indices 5 + 30 of 0");
    expect(task(11, 1)).toThrow("reach is 1");
  });

  test("tasks of a gathered unit that name other rows than its own", () => {
    const gathered = (list: typeof INDICES | 2, index: number, value: number) => () => {
      const call = denseCall({ H: 4, G: 2, N: 20, M: 30, D: 8, gathered: true, isa: best });
      call[list][index] = value;
      return addon.attendSync(...call);
    };
    expect(gathered(2, 2, 1)()).toBe(OUTCOME.done);
    expect(gathered(2, 4, 1)).toThrow("the first task of a gathered unit does not name its rows");
    expect(gathered(2, 9, 0)).toThrow("rows: indices 0 + 20 of 10");
    expect(gathered(2, 1, 18)).toThrow("rows 0 to 18 are not those of its unit");
    expect(gathered(2, 0, 1)).toThrow("rows reach 20, expected less than 20");
    expect(gathered(INDICES, 9, 20)).toThrow("index 20 after 16");
    expect(gathered(INDICES, 9, 16)).toThrow("index 16 after 16");
    expect(gathered(2, 12 + 1, 0)).toThrow("no rows");
  });

  test("scores of queries, keys or outputs that are not there", () => {
    const [B, H, N, M] = [1, 2, 4, 6];
    const scoring = (kind: number, change?: (call: [...CallArguments]) => void) => () => {
      const call = denseCall({ B, H, N, M, D: 8, isa: best });
      call[0][NUMBERS.scoring] = kind;
      call[0].set([0, H * N * M, N * M, M], NUMBERS.out);
      call[1] = Int32Array.of(0, 0, 1, 0, 0, N, 0, M, 0, 1, 0, 0);
      call[OUT] = new Float32Array(B * H * N * M);
      change?.(call);
      return addon.attendSync(...call);
    };
    expect(scoring(1)()).toBe(OUTCOME.done);
    expect(scoring(4)()).toBe(OUTCOME.done);
    expect(scoring(6)).toThrow("scoring is unknown");
    expect(scoring(4, (call) => void (call[LSE] = undefined))).toThrow("lse is missing");
    expect(scoring(1, (call) => void (call[OUT] = new Float32Array(B * H * N * M - 1)))).toThrow("out reaches");
    expect(scoring(1, (call) => void (call[1][5] = N + 1))).toThrow("positions 0 + 5, expected within 4");
    expect(scoring(1, (call) => void (call[1][4] = -1))).toThrow("positions -1 + 4");
    expect(scoring(1, (call) => void (call[1][7] = M + 1))).toThrow("keys 0 to 7");
    expect(scoring(1, (call) => void (call[1][1] = H))).toThrow("heads 2 + 1");
    expect(scoring(1, (call) => void (call[1][9] = 2))).toThrow("2 parts of scores");
  });

  test("reaches that are none", () => {
    expect(changed((call) => void (call[REACHES][0] = -1))).toThrow("ahead is -1");
    expect(changed((call) => void (call[REACHES][2] = -1))).toThrow("chunk is -1");
  });

  test("programs that are cut off, or reach outside of their registers and tables", () => {
    const program = (...words: number[]) => changed((call) => void (call[PROGRAMS] = Int32Array.from(words)));
    const none = [0, 0, 0, 0, 0, 0];
    const one = (...code: number[]) => program(1, 1, 1, 1, 0, 0, ...none, ...code);
    expect(program(1)).toThrow("programs: are cut off");
    expect(program(1, 1, 1, 1, 0, 0, ...none)).toThrow("programs: are cut off");
    expect(one(0, 24, 0, 0, 0)).toThrow("the mask is not valid");
    expect(one(9, 0, 0, 0, 0)).toThrow("the mask is not valid");
    expect(one(10, 0, 0, 0, 0)).toThrow("the mask is not valid");
    expect(program(1, 2, 2, 2, 1, 1, ...none, 0, 0, 7, 0, 0, 6, 1, 0, 0, 0)).toThrow("impossible tables");
    expect(program(1, 2, 2, 2, 1, 1, ...none, 0, 0, 7, 0, 0, 6, 1, 0, 1, 0, 1, 5)).toThrow("the mask is not valid");
  });

  test("positions out of range", () => {
    expect(changed((call) => void (call[3][0] = 2 ** 30 + 1))).toThrow("queryOffset is 1073741825");
    expect(changed((call) => void (call[4][1] = 31))).toThrow("keyLength is 31, expected 0..30");
    expect(changed((call) => void (call[4] = new Int32Array(1)))).toThrow("keyLength does not have B elements");
  });

  // What is not refused must stay inside the arrays: they lie between rows of sentinels, and a wild address would crash.
  test("or survives garbage in every number, unit and task", () => {
    let state = 12345;
    const next = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const wild = [0, 1, -1, 2, 3, 5, 7, 8, 19, 20, 21, 30, 31, 64, 191, 193, 2 ** 30, 2 ** 31 - 1, -(2 ** 31), 2 ** 20];
    const wilder = [...wild, NaN, Infinity, -Infinity, 0.5, 2 ** 53, -(2 ** 53), 1e300, 2 ** 62, -0];
    let ran = 0;
    for (let round = 0; round < (exhaustive ? 400_000 : 20_000); round++) {
      const call = denseCall({
        B: 1 + next(2),
        H: 4,
        G: 2,
        N: 1 + next(20),
        M: 1 + next(30),
        D: 1 + next(9),
        ...(round % 3 === 0 ? { gathered: true } : { parts: 1 + next(2) }),
        isa: best,
      });
      const fences = [OUT, LSE].map((place) => {
        const length = call[place as typeof OUT].length;
        const fenced = new Float32Array(length + 64).fill(7);
        call[place as typeof OUT] = fenced.subarray(32, 32 + length);
        return { fenced, length };
      });
      for (let change = 0; change <= next(3); change++) {
        const list = next(5);
        if (list < 2) call[0][next(NUMBERS.count)] = wilder[next(wilder.length)]!;
        else
          call[list - 1 === 4 ? 1 : ((list - 1) as 1)][next(call[(list - 1) as 1].length)] = wild[next(wild.length)]!;
      }
      try {
        if (addon.attendSync(...call) === OUTCOME.done) ran++;
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
      for (const { fenced, length } of fences) {
        const intact =
          fenced.subarray(0, 32).every((x) => x === 7) && fenced.subarray(32 + length).every((x) => x === 7);
        if (!intact) expect.fail(`round ${round} wrote outside of its array`);
      }
    }
    expect(ran).toBeGreaterThan(100);
  });
});
