import { expect, it } from "vitest";
import type { CellKey } from "../cells/record.ts";
import { timeLeft } from "./time-left.ts";

const cell = (variant: string, length: number): CellKey => ({ variant, length, input: "text", runtime: "auto" });

it("foretells from the same variant by length, from others of the length, and never more than a cell may take", () => {
  const left = timeLeft(100);
  expect(left.secondsFor([cell("a", 512)])).toBeUndefined();
  left.took(cell("a", 512), 2);
  left.took(cell("b", 512), 4);
  expect(left.secondsFor([cell("a", 1024), cell("b", 2048)])).toBe(4 + 16);
  expect(left.secondsFor([cell("c", 512), cell("c", 9999)])).toBe(3 + 3);
  expect(left.secondsFor([cell("a", 512 * 1024)])).toBe(100);
});
