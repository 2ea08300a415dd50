import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { shadeText, shadingOf } from "./shade.ts";

const text = { tokens: ["The", "cat", "saw", "it"], gaps: ["", " ", " \n", "  "] };
const weights = [0.9, 0.08, 0, 0.002];

describe("shadeText", () => {
  it("writes weights as numbers where there are no colours", () => {
    expect(shadeText(text, weights, 3, "numbers")).toBe("The(0.90) cat(0.08) saw [it]");
  });

  it("keeps spaces that tokens carry outside of marks", () => {
    const pieces = { tokens: [" The", " cat", "s"], gaps: ["", "", ""] };
    expect(shadeText(pieces, [0, 0.5, 0.5], 1, "numbers")).toBe("The [cat](0.50)s(0.50)");
  });

  it.each(["rgb", "256"] as const)("is the same text with colours: %s", (shading) => {
    const shaded = shadeText(text, weights, 3, shading);
    expect(stripVTControlCharacters(shaded)).toBe("The cat saw it");
  });

  it("colours deeper where a weight is larger, with light letters on deep colours", () => {
    expect(shadeText({ tokens: ["a"], gaps: [""] }, [1], 1, "rgb")).toBe("\u001B[97;48;2;154;52;18ma\u001B[0m");
    expect(shadeText({ tokens: ["a"], gaps: [""] }, [0.25], 1, "rgb")).toBe("\u001B[30;48;2;205;145;116ma\u001B[0m");
    expect(shadeText({ tokens: ["a"], gaps: [""] }, [1], 1, "256")).toBe("\u001B[97;48;5;94ma\u001B[0m");
    expect(shadeText({ tokens: ["a"], gaps: [""] }, [0], 1, "rgb")).toBe("a");
    expect(shadeText({ tokens: ["a"], gaps: [""] }, [0], 0, "rgb")).toBe("\u001B[4ma\u001B[0m");
  });

  it("shows of a long text what lies before the token", () => {
    const long = { tokens: Array.from({ length: 900 }, (_, n) => `w${n}`), gaps: Array<string>(900).fill(" ") };
    const shown = shadeText(long, new Float32Array(900), 600, "numbers").split(" ");
    expect(shown[0]).toBe("\u2026");
    expect(shown[1]).toBe("w226");
    expect(shown).toContain("[w600]");
    expect(shown.slice(-2)).toEqual(["w625", "\u2026"]);
  });
});

describe("shadingOf", () => {
  it("follows the terminal's depth of colour", () => {
    expect([1, 4, 8, 24].map(shadingOf)).toEqual(["numbers", "numbers", "256", "rgb"]);
  });
});
