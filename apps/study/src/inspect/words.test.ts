import { describe, expect, it } from "vitest";
import { excerptAround, findToken, splitWords } from "./words.ts";

describe("splitWords", () => {
  it("keeps apostrophes and hyphens inside words, and marks alone", () => {
    expect(splitWords("It didn't fit: well-known, 'quoted'.").words).toEqual([
      "It",
      "didn't",
      "fit",
      ":",
      "well-known",
      ",",
      "'",
      "quoted",
      "'",
      ".",
    ]);
  });

  it("gives the text back, but for white space at its end", () => {
    const text = "  One\ttwo,\n\nthree\u00A0\u2026 \u{1F600} end";
    const { words, gaps } = splitWords(text);
    expect(words.map((word, n) => gaps[n]! + word).join("")).toBe(text);
  });

  it("finds no words in white space", () => expect(splitWords(" \n ").words).toEqual([]));
});

describe("findToken", () => {
  const tokens = ["The", "cat", "saw", "the", "other", "cat"];

  it("takes the last one of its kind, whatever its case, before a place", () => {
    expect(findToken(tokens, "CAT")).toBe(5);
    expect(findToken(tokens, "cat", 5)).toBe(1);
    expect(findToken(tokens, "the")).toBe(3);
    expect(findToken(tokens, "#2")).toBe(2);
  });

  it("takes the last token of a word in several", () => {
    const pieces = ["The", " tro", "phy", " is", " in", " the", " suit", "case", "."];
    expect(findToken(pieces, "suitcase")).toBe(7);
    expect(findToken(pieces, "trophy", 7)).toBe(2);
    expect(findToken(pieces, "is")).toBe(3);
    expect(() => findToken(pieces, "opera")).toThrow('there is no "opera" in the text');
  });

  it("says what there is", () => {
    expect(() => findToken(tokens, "dog")).toThrow('there is no "dog" in the text');
    expect(() => findToken(tokens, "other", 3)).toThrow('there is no "other" before #3, only after it');
    expect(() => findToken(tokens, "#6")).toThrow("there is no token #6, only #0 to #5");
    expect(() => findToken(tokens, "#4", 4)).toThrow("token #4 is not before #4");
  });
});

describe("excerptAround", () => {
  it("is all of a short text, and of a long one mostly what lies before the token", () => {
    expect(excerptAround(300, 7, 400)).toEqual({ from: 0, to: 300 });
    expect(excerptAround(5000, 7, 400)).toEqual({ from: 0, to: 400 });
    expect(excerptAround(5000, 2000, 400)).toEqual({ from: 1626, to: 2026 });
    expect(excerptAround(5000, 4999, 400)).toEqual({ from: 4600, to: 5000 });
  });
});
