import { expect, it } from "vitest";
import { measuredCell } from "../../test/cells.ts";
import { renderTable } from "./table.ts";

it("shows each length once, and why a cell was not measured", () => {
  const table = renderTable([
    measuredCell({ system: "dense", length: 512, medianMs: 0.5 }),
    { record: "cell", system: "naive", length: 512, status: "too-slow", reason: "would take about 5 min a call" },
    measuredCell({ system: "dense", length: 1024, medianMs: 1.5 }),
  ]);
  const [head, first, second, third] = table.split("\n");
  expect(head).toMatch(/^length {2}system +time/);
  expect(first).toMatch(/^ +512 {2}dense +500 µs/);
  expect(second).toMatch(/^ +naive {3}too slow: would take about 5 min a call$/);
  expect(third).toMatch(/^ +1024 {2}dense +1.50 ms/);
});

it("puts a long reason below and keeps the columns narrow", () => {
  const reason = "its process ended: ".padEnd(300, "x");
  const lines = renderTable([
    measuredCell({ system: "dense", length: 512 }),
    { record: "cell", system: "naive", length: 512, status: "failed", reason },
  ]).split("\n");
  expect(Math.max(...lines.slice(0, 3).map((line) => line.length))).toBeLessThan(160);
  expect(lines.at(-1)).toBe(`naive, 512 tokens, failed: ${reason}`);
});
