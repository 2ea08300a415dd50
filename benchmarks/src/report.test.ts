import { expect, test } from "vitest";
import { matchesAny } from "./glob.ts";
import { formatTable, short } from "./report.ts";

test("columns are as wide as their longest cell and numbers stand on the right", () => {
  const table = formatTable(
    [{ heading: "system" }, { heading: "ms", right: true }],
    [
      ["a", "10.5"],
      ["longer one", "2"],
    ],
  );
  expect(table).toBe("system        ms\n----------  ----\na           10.5\nlonger one     2");
});

test("numbers have three significant digits", () => {
  expect([1234.5, 123.4, 12.34, 1.234, 0.1234, 0.01234, 0].map(short)).toEqual([
    "1235",
    "123",
    "12.3",
    "1.23",
    "0.123",
    "0.0123",
    "0",
  ]);
  expect(short(1.5e-9)).toBe("1.5e-9");
  expect(short(NaN)).toBe("NaN");
});

test("globs match whole names, and no glob matches all", () => {
  expect(matchesAny("dense-n4096-h8-d64-causal", ["dense-*-causal"])).toBe(true);
  expect(matchesAny("dense-n4096-h8-d64-causal", ["dense"])).toBe(false);
  expect(matchesAny("saccade-sync:wasm:1", ["{saccade,tfjs}:*"])).toBe(false);
  expect(matchesAny("saccade:wasm:1", ["{saccade,tfjs}:*"])).toBe(true);
  expect(matchesAny("anything", undefined)).toBe(true);
});
