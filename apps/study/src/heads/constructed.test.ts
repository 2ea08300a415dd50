import { dense } from "@saccade/core";
import { describe, expect, it } from "vitest";
import { textInput } from "../input/text-input.ts";
import { massAt } from "../../test/target-mass.ts";
import { defaultText } from "../text/default-text.ts";
import { JOBS } from "./constructed.ts";

const spec = {
  kind: "text",
  file: defaultText(),
  tokens: "bytes",
  ngram: 8,
  heads: 6,
  kvHeads: 3,
  headDim: 64,
} as const;
const attention = dense({ causal: true });

describe.each([256, 2048, 16384])("constructed heads at %i tokens", (length) => {
  const input = textInput(spec);
  const slice = input.slice(length, { first: 0, count: 3 });
  const positions = Array.from({ length: 16 }, (_, s) => length - 1 - Math.floor((s * length) / 40));
  const masses = (kvHead: number, rank: number): number[] =>
    positions
      .map((position) => massAt(attention, slice, input.head(length, kvHead)!, 2 * kvHead + rank, rank, position))
      .filter((mass) => mass !== undefined);

  it.each([0, 1])("the induction head of rank %i rests on what followed its n-gram", (rank) => {
    const found = masses(JOBS.indexOf("induction"), rank);
    expect(found.length).toBeGreaterThan(0);
    expect(Math.min(...found)).toBeGreaterThan(0.6);
    expect(mean(found)).toBeGreaterThan(0.9);
  });

  it.each([0, 1])("the local head of rank %i attends near", (rank) => {
    const found = masses(JOBS.indexOf("local"), rank);
    expect(found).toHaveLength(positions.length);
    expect(mean(found)).toBeGreaterThan(0.9);
  });

  it.each([0, 1])("the sink head of rank %i rests on the first keys", (rank) => {
    const found = masses(JOBS.indexOf("sink"), rank);
    expect(found).toHaveLength(positions.length);
    expect(Math.min(...found)).toBeGreaterThan(0.8);
  });
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
