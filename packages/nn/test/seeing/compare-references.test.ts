import { topKBlocks } from "@saccade/block-sparse";
import { chunkLocal } from "@saccade/chunked";
import { dense, maskTensor, tensor, type AttentionInputs } from "@saccade/core";
import { slidingWindow } from "@saccade/sliding-window";
import { describe, expect, it } from "vitest";
import { attentionMap, compareReferences, mapRow, type Attending } from "../../src/index.ts";
import { inputs } from "./call-inputs.ts";
import { normal } from "./normal.ts";

const D = 64;
const SENTENCE = "The trophy didn't fit in the suitcase because it was too big";
const words = SENTENCE.split(" ");
const at = (word: string): number => words.indexOf(word);

/** A head that was built to resolve "it": its query is the embedding of the word it stands for, every other query that of its own word. */
function headFor(antecedent: string): AttentionInputs {
  const embeddings = new Map(words.map((word, n) => [word, normal(D, 100 + n).map((x) => x / Math.sqrt(D))]));
  const rows = (of: (word: string) => string, gain: number): Float32Array =>
    Float32Array.from(words.flatMap((word) => Array.from(embeddings.get(of(word))!, (x) => gain * x)));
  const shape = [1, 1, words.length, D] as const;
  const k = tensor(
    rows((word) => word, 1),
    { shape },
  );
  // Attention divides by sqrt(D): logits of a match are near 8.
  const q = tensor(
    rows((word) => (word === "it" ? antecedent : word), 8 * Math.sqrt(D)),
    { shape },
  );
  return { q, k, v: k };
}

describe(SENTENCE, () => {
  const trophy = [{ query: at("it"), key: at("trophy") }];
  const suitcase = [{ query: at("it"), key: at("suitcase") }];
  const causal = dense({ causal: true });

  it("dense attention finds the trophy", async () => {
    const map = await attentionMap(causal, headFor("trophy"), { queries: [at("it")] });
    expect(mapRow(map, at("it"))[at("trophy")]).toBeGreaterThan(0.9);
  });

  it.each([4, 7])("a window of %i, shorter than the way back to the trophy, does not", async (window) => {
    const [found] = await compareReferences(causal, slidingWindow({ window }), headFor("trophy"), trophy);
    expect(found).toMatchObject({
      distance: 7,
      dense: { rank: 1, found: true },
      variant: { weight: 0, rank: undefined, found: false },
      dropped: true,
      droppedFrom: undefined,
    });
    expect(found!.massLost).toBeGreaterThan(0.9);
  });

  it("a window of 8 does, and the suitcase is within a window of 4", async () => {
    const [far] = await compareReferences(causal, slidingWindow({ window: 8 }), headFor("trophy"), trophy);
    expect(far).toMatchObject({ variant: { rank: 1, found: true }, dropped: false });
    const [near] = await compareReferences(causal, slidingWindow({ window: 4 }), headFor("suitcase"), suitcase);
    expect(near).toMatchObject({ distance: 2, variant: { rank: 1, found: true }, dropped: false });
  });

  it.each([1, 2, 4, 13, 64, 100])("a window of %i drops it from as many tokens on", async (window) => {
    const variant = slidingWindow({ window });
    const [found] = await compareReferences(causal, variant, headFor("trophy"), trophy, { upTo: 300 });
    expect(found!.droppedFrom).toBe(window);
  });

  it.each<[string, Attending]>([
    ["dense attention", causal],
    ["a window that is longer than what is tried", slidingWindow({ window: 400 })],
    ["a window with sinks, where the trophy stands in the sinks", slidingWindow({ window: 4, sinks: 2 })],
    ["queries that choose blocks", topKBlocks({ blockSize: 4, topK: 2 })],
  ])("%s never drops it", async (_, variant) => {
    const [found] = await compareReferences(causal, variant, headFor("trophy"), trophy, { upTo: 100 });
    expect(found).toMatchObject({ dropped: false, droppedFrom: undefined });
  });

  it("a border of chunks hides it as soon as there is one between", async () => {
    const [found] = await compareReferences(causal, chunkLocal({ chunk: 32 }), headFor("trophy"), trophy, {
      upTo: 100,
    });
    expect(found).toMatchObject({ dropped: false, droppedFrom: 31 });
  });

  it("gives the same where rows are asked for with all others", async () => {
    const options = { upTo: 40, alone: false };
    const [found] = await compareReferences(causal, slidingWindow({ window: 9 }), headFor("trophy"), trophy, options);
    expect(found!.droppedFrom).toBe(9);
  });
});

describe("compareReferences", () => {
  const call = inputs({ queries: 60 });

  it("looks at the head in which dense attention gives the key most, in both", async () => {
    const [dense_, window] = [dense({ causal: true }), slidingWindow({ window: 20 })];
    const references = [
      { query: 59, key: 50 },
      { query: 40, key: 3 },
    ];
    const comparisons = await compareReferences(dense_, window, call, references, { top: 60 });
    for (const { query, key, head, dense: full, variant, massLost } of comparisons) {
      const [exact, kept] = [
        await attentionMap(dense_, call, { queries: [query] }),
        await attentionMap(window, call, { queries: [query] }),
      ];
      const weights = [0, 1, 2, 3].map((h) => mapRow(exact, query, h)[key]!);
      expect(head).toBe(weights.indexOf(Math.max(...weights)));
      const row = mapRow(exact, query, head);
      expect(full.weight).toBe(row[key]);
      expect(full.rank).toBe([...row].sort((a, b) => b - a).indexOf(row[key]!) + 1);
      expect(variant.weight).toBe(mapRow(kept, query, head)[key]);
      const outside = row.slice(0, query - 19).reduce((sum, weight) => sum + weight, 0);
      expect(massLost).toBeCloseTo(outside, 6);
    }
    expect(comparisons.map(({ dropped }) => dropped)).toEqual([false, true]);
  });

  it("names what it cannot do", async () => {
    const causal = dense({ causal: true });
    const far = [{ query: 50, key: 3 }];
    const mask = maskTensor(new Uint8Array(60).fill(1), { shape: [1, 1, 1, 60] });
    const compare = (given: AttentionInputs, references: typeof far, upTo?: number) =>
      compareReferences(causal, causal, given, references, { upTo });
    await expect(compare(call, [{ query: 50, key: 60 }])).rejects.toThrow(
      "compareReferences: key 60 is not there, expected one of 0..59",
    );
    await expect(compare(call, far, 0)).rejects.toThrow(
      "compareReferences: upTo is 0, expected an integer of at least 1",
    );
    await expect(compare({ ...call, mask }, far, 9)).rejects.toThrow(
      "compareReferences: upTo does not go with a bias or a mask",
    );
    await expect(compare(call, [{ query: 50, key: 49 }], 9)).rejects.toThrow(
      "compareReferences: upTo needs tokens to repeat between key 49 and query 50",
    );
    await expect(compare({ ...call, queryOffset: 30 }, [{ query: 50, key: 3 }], 9)).rejects.toThrow(
      "compareReferences: query 50 stands at 80, expected one of the M = 60 keys",
    );
  });
});
