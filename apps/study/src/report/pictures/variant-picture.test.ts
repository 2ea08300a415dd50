import { candidate, VARIANTS } from "@saccade/advisor";
import { describe, expect, it } from "vitest";
import { drawBlocks } from "./draw-blocks.ts";
import { pictureOf } from "./variant-picture.ts";

const shareOf = (svg: string): number => Number(/: (\d+)% of the squares/.exec(svg)?.[1]);

describe("pictures of variants", () => {
  it("show what queries see", async () => {
    expect(shareOf((await pictureOf(candidate("dense"))).svg)).toBe(100);
    // 16 blocks and the one that the diagonal cuts, of 64.
    const window = await pictureOf(candidate("window:1024"));
    expect(Math.abs(shareOf(window.svg) - 100 * ((17 * 64 - (16 * 17) / 2) / (32 * 65)))).toBeLessThan(2);
    expect(window.caption).toBe("Keys that are seen.");
  });

  it("shade weights of recurrences, which see no keys", async () => {
    const { svg, caption } = await pictureOf(candidate("retention"));
    expect(caption).toBe("Weights of keys in outputs.");
    expect(svg.match(/<path opacity/g)?.length).toBeGreaterThan(1);
    expect(shareOf(svg)).toBeLessThan(50);
  });

  it("are there for every variant of the catalogue, and for one of each family unless all are asked for", async () => {
    const all = VARIANTS.map((variant) => candidate(variant.name));
    const families = new Map(all.map((each) => [each.family, each]));
    for (const each of process.env["SACCADE_EXHAUSTIVE"] ? all : families.values()) {
      const { svg } = await pictureOf(each);
      expect(shareOf(svg), each.id).toBeGreaterThan(3);
      expect(shareOf(svg), each.id).toBeLessThanOrEqual(100);
    }
  });

  it("are the same whenever they are drawn", async () => {
    const draw = async (): Promise<string> => (await pictureOf(candidate("top-k-blocks"))).svg;
    expect(await draw()).toBe(await draw());
  });
});

it("draws runs of squares by their shade", () => {
  const svg = drawBlocks([1, 1, 0, 0.3], 2, "four & more");
  expect(svg).toContain('aria-label="four &amp; more"');
  expect(svg).toContain('<path opacity="1" d="M0 0h6v3h-6z"');
  expect(svg).toContain('<path opacity="0.5" d="M3 3h3v3h-3z"');
});
