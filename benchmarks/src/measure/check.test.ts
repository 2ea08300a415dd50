import { expect, test } from "vitest";
import { checkRows, referenceRow } from "./check.ts";
import { headsFirst, makeInputs, repeatHeads } from "./inputs.ts";
import { loadSystem } from "../systems/registry.ts";
import type { CallShape } from "./shape.ts";

const shape: CallShape = { B: 2, H: 4, G: 2, N: 5, M: 7, D: 8, E: 6, causal: true };
const inputs = makeInputs(shape);

test("inputs are the same in every process and about of unit variance", () => {
  const { q } = makeInputs({ ...shape, N: 4096 });
  expect(makeInputs({ ...shape, N: 4096 }).q).toEqual(q);
  const mean = q.reduce((sum, x) => sum + x, 0) / q.length;
  const variance = q.reduce((sum, x) => sum + (x - mean) ** 2, 0) / q.length;
  expect(Math.abs(mean)).toBeLessThan(0.02);
  expect(Math.abs(variance - 1)).toBeLessThan(0.03);
});

test("a query that sees one key returns its value", () => {
  const alone = { ...shape, N: 7, M: 7 };
  const square = makeInputs(alone);
  const row = referenceRow(square, alone, 1, 3, 0);
  // Key 0 of key head 1 in batch element 1; query heads 2 and 3 share it.
  expect([...row]).toEqual([...square.v.subarray((7 * 2 + 1) * 6, (7 * 2 + 2) * 6)]);
});

test("the reference agrees with itself and a wrong element is found", () => {
  const right = (b: number, h: number, i: number, e: number): number => referenceRow(inputs, shape, b, h, i)[e]!;
  expect(checkRows(inputs, shape, right, 1000).maxAbsError).toBe(0);
  const wrong: typeof right = (b, h, i, e) => right(b, h, i, e) + (b === 1 && h === 3 && i === 4 && e === 5 ? 1 : 0);
  expect(checkRows(inputs, shape, wrong, 3).maxAbsError).toBe(1);
});

test("NaN in a result is an error, not a pass", () => {
  expect(checkRows(inputs, shape, () => NaN).maxAbsError).toBeNaN();
});

test("heads are brought to the front and repeated", () => {
  const data = Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7);
  expect([...headsFirst(data, 1, 2, 2, 2)]).toEqual([0, 1, 4, 5, 2, 3, 6, 7]);
  expect([...repeatHeads(data, 2, 2, 4, 2)]).toEqual([0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7]);
});

test("the reference is what Saccade's variants compute", async () => {
  const plain: CallShape = { B: 1, H: 4, G: 2, N: 40, M: 40, D: 8, E: 6, causal: true };
  const variants: readonly Partial<CallShape>[] = [
    { window: 7 },
    { window: 5, dilation: 3 },
    { documents: 6 },
    { blocks: 8, density: 0.5 },
    { blocks: 16, density: 0.4, causal: false },
    { softcap: 2 },
    { score: "alibi" },
    { score: "relative" },
  ];
  for (const variant of variants) {
    const asked = { ...plain, ...variant };
    const given = makeInputs(asked);
    // oxlint-disable-next-line no-await-in-loop
    const call = await (await loadSystem({ system: "saccade", runtime: "wasm", threads: 1 }))(asked, given, 1);
    // oxlint-disable-next-line no-await-in-loop
    await call.run();
    expect(checkRows(given, asked, call.read!(), 160).maxAbsError).toBeLessThan(1e-5);
  }
});
