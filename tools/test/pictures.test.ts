import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { drawPairs, pairsOf } from "../src/pictures/draw-pairs.ts";
import { PICTURES } from "../src/pictures/pictures.ts";
import { root } from "../src/workspace.ts";
import { mask, tensor } from "@saccade/core";
import { blockSparse } from "@saccade/block-sparse";

const folder = join(root, "docs/block-sparse");

test.each(PICTURES.map(({ file, draw }) => [file, draw] as const))("%s is what `pictures` draws", (file, draw) => {
  expect(readFileSync(join(folder, file), "utf8")).toBe(draw());
});

test("every picture is shown on a page, and every page's pictures are drawn", () => {
  const pages = readdirSync(folder).filter((file) => file.endsWith(".md"));
  const shown = pages.flatMap((file) =>
    [...readFileSync(join(folder, file), "utf8").matchAll(/!\[[^\]]+\]\(([^)]+\.svg)\)/g)].map((match) => match[1]),
  );
  expect(new Set(shown)).toEqual(new Set(PICTURES.map(({ file }) => file)));
});

test("a drawing has the pairs of the definition, row by row", () => {
  const q = tensor(new Float32Array(6), { shape: [1, 2, 3, 1] });
  const attend = blockSparse({ mask: mask`k <= q && (h == 0 || k != 1)` });
  const pairs = pairsOf(attend, { q, k: q }, 1);
  expect(pairs.map((row) => row.map(Number).join(""))).toEqual(["100", "100", "101"]);
  expect(drawPairs("a < b", pairs)).toContain('d="M0 0h4v4h-4zM0 4h4v4h-4zM0 8h4v4h-4zM8 8h4v4h-4z"');
  expect(drawPairs("a < b", pairs)).toContain("<title>a &lt; b: 4 of 9 pairs</title>");
});
