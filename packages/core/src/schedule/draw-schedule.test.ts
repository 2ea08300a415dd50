import { describe, expect, test } from "vitest";
import { mask } from "../expression/expression.ts";
import { drawSchedule } from "./draw-schedule.ts";
import { maskSchedule } from "./mask-schedule.ts";

const long = (queries: number) => ({
  shape: { batch: 1, heads: 16, kvHeads: 16, queries, keys: queries, headDim: 64, valueDim: 64 },
  at: { queryOffset: Int32Array.of(0), keyLength: Int32Array.of(queries) },
});

describe("a drawing of a schedule", () => {
  test("has a line for every block of queries and a column for every tile of keys", () => {
    const { shape, at } = long(4 * 576);
    expect(drawSchedule(maskSchedule(shape, at, mask`q >= k && q - k < 1000`, false)).split("\n")).toEqual([
      "each line 576 queries, each column 128 keys; # full, + partial, . skipped",
      "    0  +++++.............",
      "  576  ++##+++++.........",
      " 1152  .+++++###+++++....",
      " 1728  .....++++++##+++++",
    ]);
  });

  test("shrinks where there are too many", () => {
    const { shape, at } = long(2 ** 20);
    const lines = drawSchedule(maskSchedule(shape, at, mask`q >= k`, false), { lines: 8, columns: 16 }).split("\n");
    expect(lines[0]).toMatch(/^each line 131328 queries, each column 65536 keys/);
    expect(lines.slice(1, 4).map((line) => line.trim().split(" ").at(-1))).toEqual([
      "+++.............",
      "##+++...........",
      "####+++.........",
    ]);
  });

  test("is of a list that is there", () => {
    const { shape, at } = long(64);
    expect(() => drawSchedule(maskSchedule(shape, at, mask`q >= k`, false), { list: 1 })).toThrow(
      "drawSchedule: list is 1, expected an integer below 1",
    );
  });
});
