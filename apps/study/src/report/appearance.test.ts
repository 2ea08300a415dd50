import { describe, expect, it } from "vitest";
import { studyFixture } from "../../test/study-fixture.ts";
import { appearanceOf, PALETTE } from "./appearance.ts";
import { STYLE } from "./page/style.ts";
import { resultsOf } from "./results.ts";

/** Relative luminance of "#rrggbb" (WCAG 2). */
function luminance(color: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** The values of a custom property on light and on dark pages, in this order. */
function property(name: string): [string, string] {
  return [...STYLE.matchAll(new RegExp(`--${name}: (#[0-9a-f]{6})`, "g"))].map(([, color]) => color) as [
    string,
    string,
  ];
}

describe("colours", () => {
  const [light, dark] = property("page");

  it("of series have a contrast of 3 with the page, of words 4.5, on light and on dark", () => {
    for (const color of PALETTE) {
      expect(contrast(color.light, light), color.light).toBeGreaterThanOrEqual(3);
      expect(contrast(color.dark, dark), color.dark).toBeGreaterThanOrEqual(3);
    }
    for (const name of ["text", "muted", "accent"]) {
      const [onLight, onDark] = property(name);
      expect(contrast(onLight, light), name).toBeGreaterThanOrEqual(4.5);
      expect(contrast(onDark, dark), name).toBeGreaterThanOrEqual(4.5);
    }
  });
});

describe("appearanceOf", () => {
  it("gives 42 variants besides dense attention looks of their own, dense attention another, the same in every chart", () => {
    const results = resultsOf(studyFixture());
    const ids = ["dense", ...Array.from({ length: 42 }, (_, i) => `window:${i + 1}`)];
    const variant = { description: "", packageName: "", needsTraining: false, exact: false };
    const many = {
      ...results,
      study: {
        ...results.study,
        grid: { ...results.study.grid, variants: ids },
        variants: Object.fromEntries(
          ids.map((id) => [id, { ...variant, family: id === "dense" ? "dense" : "sliding-window" }]),
        ),
      },
    };
    const looks = ids.map((id) => JSON.stringify(appearanceOf(many, { variant: id, runtime: "auto" })));
    expect(new Set(looks).size).toBe(43);
  });

  it("makes what needs training hollow and dashed, and runtimes differ by dashes", () => {
    const results = resultsOf(studyFixture({ runtimes: ["native", "wasm"] }));
    expect(appearanceOf(results, { variant: "retention", runtime: "native" })).toMatchObject({
      hollow: true,
      dashes: "5 3",
    });
    const [native, wasm] = (["native", "wasm"] as const).map((runtime) =>
      appearanceOf(results, { variant: "dense", runtime }),
    );
    expect(native?.dashes).toBeUndefined();
    expect(wasm?.dashes).toBeDefined();
    expect(wasm?.color).toBe(native?.color);
  });
});
