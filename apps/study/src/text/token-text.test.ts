import { describe, expect, it } from "vitest";
import { readTokens, tokenize } from "./token-text.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("tokenize", () => {
  it("makes a token of every byte", () => {
    const { tokens, vocabulary } = tokenize(encode("aé"), "bytes");
    expect([...tokens]).toEqual([0x61, 0xc3, 0xa9]);
    expect(vocabulary).toBe(256);
  });

  it("makes tokens of words, white space and punctuation marks, equal ones with equal ids", () => {
    const { tokens, vocabulary } = tokenize(encode("let x2 = x2;;"), "words");
    expect([...tokens]).toEqual([0, 1, 2, 1, 3, 1, 2, 4, 4]);
    expect(vocabulary).toBe(5);
  });
});

describe("readTokens", () => {
  it("names a file that is not there", () => {
    expect(() => readTokens("no-such-file.txt", "bytes")).toThrow(/text: cannot read no-such-file.txt: ENOENT/);
  });
});
