import { describe, expect, test } from "vitest";
import { and, type ExpressionValue, mask, not, or, parseMask, score } from "./expression.ts";

const value = (texts: TemplateStringsArray, ...values: ExpressionValue[]): number =>
  score(texts, ...values).at({ q: 7, k: 3, b: 2, h: 1, s: 0.5 });

describe("a mask", () => {
  test("is a boolean expression over q, k, b and h", () => {
    const window = mask`q >= k && q - k < ${4}`;
    expect(window.at({ q: 5, k: 2 })).toBe(true);
    expect(window.at({ q: 5, k: 1 })).toBe(false);
    expect(window.at({ q: 5, k: 6 })).toBe(false);
    expect(mask`b == 1 || h == 2`.at({ q: 0, k: 0, b: 1 })).toBe(true);
    expect(mask`b == 1 || h == 2`.at({ q: 0, k: 0, h: 2 })).toBe(true);
  });

  test("looks numbers up, at the nearest end where an index is outside", () => {
    const table = Int32Array.of(10, 20, 30);
    expect([-5, 0, 2, 9].map((q) => mask`${table}[q] == k`.at({ q, k: 10 }))).toEqual([true, true, false, false]);
    expect(mask`${table}[q] == k`.at({ q: 9, k: 30 })).toBe(true);
  });

  test("sees what its array holds when it is used", () => {
    const table = Float32Array.of(0, 0);
    const positive = mask`${table}[k] > 0`;
    table[1] = 1;
    expect([0, 1].map((k) => positive.at({ q: 0, k }))).toEqual([false, true]);
  });

  test("is made of other masks", () => {
    const causal = mask`q >= k`;
    const near = mask`q - k < 2`;
    const at = { q: 4, k: 1 };
    expect(and(causal, near).at(at)).toBe(false);
    expect(or(causal, near).at(at)).toBe(true);
    expect(not(near).at(at)).toBe(true);
    expect(mask`${causal} && !${near}`.at(at)).toBe(true);
    expect([and(), or()].map((each) => each.at(at))).toEqual([true, false]);
    expect(and(causal, near).source).toBe("(q >= k) && (q - k < 2)");
    expect(mask`${causal} && ${new Uint8Array(8)}[k] != ${0.5}`.source).toBe("(q >= k) && Uint8Array(8)[k] != 0.5");
  });

  test("is read from a text too", () => {
    expect(parseMask("  q >= k&&q-k<4").draw()).toBe(mask`q >= k && q - k < 4`.draw());
  });

  test("draws itself", () => {
    expect(mask`q >= k && q - k < 2`.draw({ queries: 3, keys: 10 })).toBe(
      ["   k 0       8", "q 7  ......##..", "  8  .......##.", "  9  ........##"].join("\n"),
    );
    expect(
      String(mask`true`)
        .split("\n")
        .slice(1)
        .map((line) => line.slice(6)),
    ).toEqual(Array.from({ length: 16 }, () => "#".repeat(16)));
  });
});

describe("a score", () => {
  test("is a number over s as well", () => {
    const slopes = Float64Array.of(0.5, 0.25);
    expect(score`s - ${slopes}[h] * (q - k)`.at({ q: 9, k: 1, h: 1, s: 3 })).toBe(1);
    expect(score`q > k ? s : ${-Infinity}`.at({ q: 0, k: 1, s: 3 })).toBe(-Infinity);
    expect(score`${score`s * 2`} + 1`.at({ q: 0, k: 0, s: 3 })).toBe(7);
    expect(String(score`s + ${1}`)).toBe("s + 1");
  });
});

describe("operators", () => {
  test("have JavaScript's precedence", () => {
    expect(value`1 + 2 * 3 - 4 % 3`).toBe(6);
    expect(value`-2 * -(3 - 5)`).toBe(-4);
    expect(value`!(1 < 2) || 3 > 2 && 1 == 1 ? 1 : 2`).toBe(1);
    expect(value`1 > 2 ? 1 : 1 > 2 ? 2 : 3`).toBe(3);
    expect(value`1 < 2 == 2 < 3 ? 1 : 0`).toBe(1);
    expect(value`10 - 3 - 2`).toBe(5);
  });

  test("on ints wrap at 32 bits", () => {
    expect(value`2147483647 + 1`).toBe(-(2 ** 31));
    expect(value`${2 ** 30} * 4 + q`).toBe(7);
    expect(value`abs(-2147483647 - 1)`).toBe(-(2 ** 31));
    expect(value`${2 ** 31} + 1`).toBe(2 ** 31 + 1);
  });

  test("divide into reals, into ints under floor()", () => {
    expect(value`q / 2`).toBe(3.5);
    expect(value`floor(q / 2) / 2`).toBe(1.5);
    expect([value`floor(-q / 2)`, value`floor(q / -2)`, value`floor(${2 ** 31 - 1} / 3)`]).toEqual([-4, -4, 715827882]);
    expect(mask`${Int32Array.of(4, 5)}[floor(k / 2)] == 5`.at({ q: 0, k: 2 })).toBe(true);
    expect([value`floor(q / 0)`, value`q % 0`, value`q / 0`]).toEqual([0, 0, Infinity]);
  });

  test("give remainders the sign of the divisor", () => {
    expect([value`-7 % 3`, value`7 % -3`, value`-7 % -3`, value`-7.5 % 2`, value`7.5 % -2`]).toEqual([
      2, -2, -1, 0.5, -0.5,
    ]);
  });

  test("and functions work on ints and reals", () => {
    expect([value`min(q, 3, 9)`, value`max(q, 3.5)`, value`abs(k - q)`, value`floor(-0.5)`]).toEqual([3, 7, 4, -1]);
    expect(value`exp(log(q)) + tanh(s)`).toBeCloseTo(7 + Math.tanh(0.5), 12);
    expect([value`1e-3`, value`.5`, value`2.`, value`1.5E2`]).toEqual([0.001, 0.5, 2, 150]);
  });
});

describe("an error", () => {
  const failures: [() => unknown, string][] = [
    [() => mask`q >= k && true) `, "mask: unexpected ')' at column 15"],
    [() => mask`q >=`, "mask: unexpected end at column 5"],
    [() => mask`(q >= k`, "mask: expected ')' at column 8, got end"],
    [() => mask`q >= k k`, "mask: unexpected 'k' at column 8"],
    [() => mask`q = k`, "mask: unexpected '=' at column 3"],
    [() => mask`q >= ${1} & k`, "mask: unexpected '&' at column 11"],
    [() => mask`q - k`, "mask: expected a boolean, got a number"],
    [() => score`q > k`, "score: expected a number, got a boolean"],
    [() => mask`s > 0`, "mask: 's' is only known in a score at column 1"],
    [() => mask`1 < ${score`s`}`, "mask: 's' is only known in a score at column 5"],
    [() => mask`q && k`, "mask: '&&' expects booleans, got a number at column 3"],
    [() => mask`q < k < 4`, "mask: '<' expects numbers, got a boolean at column 7"],
    [() => mask`q < k == 4`, "mask: '==' expects two numbers or two booleans, got one of each at column 7"],
    [() => mask`!q`, "mask: '!' expects a boolean, got a number at column 1"],
    [() => mask`min(q) > 0`, "mask: min() expects at least 2 numbers, got 1 at column 1"],
    [() => mask`exp(q < k) > 0`, "mask: exp() expects numbers, got a boolean at column 1"],
    [() => mask`q > i`, "mask: unknown name 'i' at column 5, expected q, k, b and h, or a function: min,"],
    [() => mask`${Int32Array.of(1)} > q`, "mask: expected '[' at column 6, got '>'"],
    [() => mask`${Int32Array.of(1)}[q / 2] > q`, "mask: an index expects an int, got a real at column 5"],
    [() => mask`q > ${new Int8Array(0)}[k]`, "mask: the array at column 5 is empty"],
    [
      () => mask`${Uint32Array.of(2 ** 31)}[q] > 0`,
      "mask: the array at column 1 holds 2147483648, expected at most 2147483647",
    ],
    [() => mask`q > ${"4" as unknown as number}`, 'mask: ${…} at column 5 is "4", expected a number, a typed array'],
    [() => mask`q > ${NaN}`, "mask: ${…} at column 5 is NaN, expected a number"],
    [() => parseMask("q > $"), "mask: unknown name '$' at column 5"],
    [() => and(mask`true`, 4 as never), "and: expected masks, got 4"],
  ];
  test.each(failures)("%s says %s", (fail, message) => {
    expect(fail).toThrow(message);
  });
});
