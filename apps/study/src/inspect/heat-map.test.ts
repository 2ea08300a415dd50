import { tensor } from "@saccade/core";
import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { drawHeatMap } from "./heat-map.ts";
import type { HeadInspection, Sighting } from "./inspection.ts";
import { drawPage } from "./page.ts";

const tokens = ["a", "<b>", 'c"', "it"];

function sighting(attention: string, rows: readonly (readonly number[])[]): Sighting {
  const weights = Float32Array.from(rows.flat());
  const keys = rows[0]!.length;
  return {
    attention,
    weights: Float32Array.from(rows.at(-1)!),
    top: [{ position: 1, token: "<b>", weight: 0.7 }],
    rows: { queries: rows.map((_, n) => keys - rows.length + n), keys, weights },
  };
}

const causal = sighting("dense", [
  [1, 0, 0, 0],
  [0.5, 0.5, 0, 0],
  [0.2, 0.3, 0.5, 0],
  [0.1, 0.7, 0.1, 0.1],
]);
const window = sighting("window:2", [
  [1, 0, 0, 0],
  [0.5, 0.5, 0, 0],
  [0, 0.4, 0.6, 0],
  [0, 0, 0.25, 0.75],
]);
const head: HeadInspection = { layer: "1", head: 2, name: "local", sightings: [causal, window], comparison: undefined };
const labels = { tokens, query: 3, expected: 1 };

const parsed = (markup: string) => parseHTML(markup).document;

describe("drawHeatMap", () => {
  const svg = parsed(drawHeatMap(head, causal, labels));

  it("has a cell for each pair that counts, shaded by the root of its weight", () => {
    const cells = [...svg.querySelectorAll("rect.cell")].filter((cell) => cell.querySelector("title") !== null);
    expect(cells.map((cell) => cell.getAttribute("fill-opacity"))).toEqual(
      [1, 0.5, 0.5, 0.2, 0.3, 0.5, 0.1, 0.7, 0.1, 0.1].map((weight) => Math.sqrt(Math.fround(weight)).toFixed(3)),
    );
    expect(cells.at(-3)!.textContent).toBe("it looks at <b>: 0.700");
  });

  it("leaves what is not seen empty, and tells it from what hardly counts", () => {
    const faint = sighting("dense", [[0, 0.0001, 0.9999, 0]]);
    const seen = parsed(drawHeatMap(head, faint, labels)).querySelectorAll("rect.seen");
    expect([...seen].map((run) => run.getAttribute("width"))).toEqual(["35"]);
  });

  it("says in words what it shows", () => {
    expect(svg.querySelector("svg")!.getAttribute("role")).toBe("img");
    const named = svg.querySelector("svg")!.getAttribute("aria-labelledby")!.split(" ");
    expect(named.map((id) => svg.getElementById(id)!.textContent)).toEqual([
      "Layer 1, head 2 (local), dense",
      'Rows are queries, columns keys. "it" looks most at: <b> 0.700. The expected "<b>" has 0.700.',
    ]);
    const without = parsed(drawHeatMap(head, window, labels)).querySelector("desc")!.textContent;
    expect(without).toContain('The expected "<b>" is not seen.');
  });

  it("follows the reader's light or dark mode", () => {
    expect(svg.querySelector("style")!.textContent).toContain("prefers-color-scheme:dark");
  });

  it("lets keys share columns where they are many", () => {
    const many = sighting("dense", [Array.from({ length: 300 }, (_, j) => (j < 4 ? 0.25 : 0))]);
    const wide = parsed(
      drawHeatMap(head, many, {
        tokens: Array.from({ length: 300 }, (_, n) => `t${n}`),
        query: 299,
        expected: undefined,
      }),
    );
    const cells = [...wide.querySelectorAll("rect.cell")].filter((cell) => cell.querySelector("title") !== null);
    expect(cells.map((cell) => cell.textContent)).toEqual([
      "t299 looks at 0 to 2: 0.750",
      "t299 looks at 3 to 5: 0.250",
    ]);
    expect(wide.querySelector("desc")!.textContent).toContain("columns keys, 3 to a column.");
  });
});

describe("drawPage", () => {
  const none = tensor(new Float32Array(0), { shape: [1, 0, 0, 1] });
  const text = {
    description: "Heads of a test",
    tokens,
    gaps: ["", " ", " ", " "],
    layer: { name: "1", heads: [], inputs: { q: none, k: none, v: none } },
  };
  const markup = drawPage(head, text, labels);
  const page = parsed(markup);

  it("loads nothing and runs nothing", () => {
    expect(page.querySelectorAll("script, link, img, iframe").length).toBe(0);
    expect(markup.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:|url\(/);
  });

  it("shades the text of each attention, with the weight in words", () => {
    const paragraphs = [...page.querySelectorAll("p.text")];
    expect(paragraphs.map((p) => p.textContent)).toEqual(['a <b> c" it', 'a <b> c" it']);
    expect([...paragraphs[1]!.querySelectorAll("span")].map((span) => span.getAttribute("title"))).toEqual([
      "0, not seen",
      "0, not seen",
      "0.250",
      "0.750",
    ]);
    expect(paragraphs[1]!.querySelector(".expected")!.textContent).toBe("<b>");
    expect(paragraphs[1]!.querySelector(".query")!.textContent).toBe("it");
  });

  it("has a picture of each attention, under names of their own", () => {
    const ids = [...page.querySelectorAll("[id]")].map((element) => element.id);
    expect(page.querySelectorAll("svg").length).toBe(2);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("says that weights are not explanations", () => {
    expect(page.querySelector(".note")!.textContent).toContain("they are not explanations");
  });
});
