import { describe, expect, it } from "vitest";
import { followersAt, isMostFrequent } from "./followers.ts";
import { NO_NGRAM, ngramKeys } from "./n-grams.ts";

const tokens = Int32Array.from("abcabdabc", (letter) => letter.charCodeAt(0) - 97);
const [c, d] = [2, 3];

describe("ngramKeys", () => {
  it("gives equal n-grams equal keys and different ones different keys", () => {
    const keys = ngramKeys(tokens, 2);
    expect(keys[0]).toBe(NO_NGRAM);
    expect(keys[4]).toBe(keys[1]);
    expect(keys[7]).toBe(keys[1]);
    expect(new Set(keys).size).toBe(1 + new Set(["ab", "bc", "ca", "bd", "da"]).size);
  });

  it("tells a million n-grams of a long text apart as exactly as the text does", () => {
    const digits = Int32Array.from({ length: 100_000 }, (_, i) => Math.imul(i, i) % 1009);
    const keys = ngramKeys(digits, 3);
    const exact = new Set<string>();
    for (let end = 2; end < digits.length; end++) exact.add(digits.subarray(end - 2, end + 1).join());
    expect(new Set(keys.subarray(2)).size).toBe(exact.size);
  });
});

describe("followersAt", () => {
  const keys = ngramKeys(tokens, 2);

  it("counts what followed the n-gram up to the position", () => {
    const [first] = followersAt(tokens, keys, [4], true);
    expect(first).toEqual({ position: 4, counts: new Map([[c, 1]]), distance: 2 });
    const [last] = followersAt(tokens, keys, [7], true);
    expect(last).toEqual({
      position: 7,
      counts: new Map([
        [c, 1],
        [d, 1],
      ]),
      distance: 2,
    });
  });

  it("leaves positions out whose n-gram did not occur before", () => {
    expect(followersAt(tokens, keys, [0, 1, 2, 3], true)).toEqual([]);
  });

  it("counts later occurrences too without a causal mask", () => {
    const [first] = followersAt(tokens, keys, [1], false);
    expect(first!.counts).toEqual(
      new Map([
        [c, 2],
        [d, 1],
      ]),
    );
    expect(first!.distance).toBe(1);
  });

  it("agrees with a search through the text", () => {
    const text = Int32Array.from({ length: 400 }, (_, i) => (i * i * 7) % 5);
    const positions = Array.from({ length: 400 }, (_, i) => i);
    const found = followersAt(text, ngramKeys(text, 3), positions, true);
    for (const t of positions) {
      const counts = new Map<number, number>();
      for (let j = 3; t >= 2 && j <= t; j++) {
        if ([0, 1, 2].every((back) => text[j - 1 - back] === text[t - back])) {
          counts.set(text[j]!, (counts.get(text[j]!) ?? 0) + 1);
        }
      }
      expect(found.find((followers) => followers.position === t)?.counts ?? new Map()).toEqual(counts);
    }
  });
});

describe("isMostFrequent", () => {
  const followers = {
    position: 9,
    counts: new Map([
      [1, 2],
      [2, 2],
      [3, 1],
    ]),
    distance: 1,
  };

  it("accepts every token that is as frequent as any", () => {
    expect([1, 2, 3, 4].map((token) => isMostFrequent(followers, token))).toEqual([true, true, false, false]);
  });
});
