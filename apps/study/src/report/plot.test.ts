import { expect, it } from "vitest";
import { measuredCell } from "../../test/cells.ts";
import { drawChart, TIME } from "./plot.ts";

it("draws a line for every system that was measured", () => {
  const svg = drawChart(
    [512, 1024].flatMap((length) => ["dense", "naive"].map((system) => measuredCell({ system, length }))),
    TIME,
  )!;
  expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
  expect(svg).toContain(">dense</text>");
  expect(svg).toContain(">naive</text>");
});

it("draws nothing where nothing was measured", () => {
  expect(
    drawChart([{ record: "cell", system: "dense", length: 8, status: "failed", reason: "" }], TIME),
  ).toBeUndefined();
});
