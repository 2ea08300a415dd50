import { describe, expect, it } from "vitest";
import { hashEmbedding, nearestToken, tokenEmbeddings } from "./embedding.ts";

describe("hashEmbedding", () => {
  const width = 64;
  const rows = new Float32Array(2000 * width);
  for (let row = 0; row < 2000; row++) hashEmbedding(row, 7, width, rows, row * width);
  const cosine = (a: number, b: number): number => {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += rows[a * width + i]! * rows[b * width + i]!;
    return sum;
  };

  it("has length 1", () => {
    expect(cosine(5, 5)).toBeCloseTo(1, 5);
  });

  it("makes cosines of mean 0 and variance 1 / D between different keys", () => {
    let [sum, squares] = [0, 0];
    for (let row = 0; row < 1999; row++) {
      sum += cosine(row, row + 1);
      squares += cosine(row, row + 1) ** 2;
    }
    expect(Math.abs(sum / 1999)).toBeLessThan(4 / Math.sqrt(1999 * width));
    expect((squares / 1999) * width).toBeGreaterThan(0.85);
    expect((squares / 1999) * width).toBeLessThan(1.15);
  });

  it("depends on the upper bits of a key", () => {
    const high = new Float32Array(width);
    hashEmbedding(5 + 2 ** 40, 7, width, high, 0);
    expect([...high]).not.toEqual([...rows.subarray(5 * width, 6 * width)]);
  });
});

describe("nearestToken", () => {
  it("finds the token of the largest part of a mixture", () => {
    const embeddings = tokenEmbeddings(256, 64);
    const mixture = Float32Array.from(
      { length: 64 },
      (_, e) => 0.6 * embeddings[97 * 64 + e]! + 0.4 * embeddings[32 * 64 + e]!,
    );
    expect(nearestToken(embeddings, 64, mixture, 0)).toBe(97);
  });
});
