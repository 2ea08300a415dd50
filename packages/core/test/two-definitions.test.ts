import { expect, test } from "vitest";
import { attentionOf, flattened, LENGTHS, randomCase } from "./attention-case.ts";
import { explicitAttention } from "./explicit-attention.ts";

const casesPerLength = process.env["SACCADE_EXHAUSTIVE"] ? 40 : 6;

/** Explicit loops are slow; what they check does not depend on length. */
const short = LENGTHS.filter(([queries, keys]) => queries * keys < 40_000);

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = a[i] === b[i] ? 0 : Math.abs(a[i]! - b[i]!);
    most = Number.isNaN(difference) ? Infinity : Math.max(most, difference);
  }
  return a.length === b.length ? most : Infinity;
}

test.each(short)("the reference and explicit N x N loops agree for %i queries against %i keys", (queries, keys) => {
  for (let seed = 0; seed < casesPerLength; seed++) {
    const given = randomCase(queries, keys, 1000 + seed);
    if (given.batch * given.heads * queries * keys > 200_000) continue;
    const reference = attentionOf(given).reference(given.inputs);
    const explicit = explicitAttention(given);
    expect(largestDifference(reference.out, explicit.out), given.name).toBeLessThan(1e-11);
    expect(largestDifference(reference.lse, explicit.lse), given.name).toBeLessThan(1e-11);
  }
});

test("the default runtime and explicit loops agree", async () => {
  for (let seed = 0; seed < casesPerLength; seed++) {
    const given = randomCase(64, 128, 2000 + seed);
    const { out, lse } = await attentionOf(given).forward(given.inputs, { lse: true });
    const explicit = explicitAttention(given);
    const size = explicit.out.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    expect(largestDifference(flattened(out), explicit.out), given.name).toBeLessThan(2e-5 * size);
    expect(largestDifference(lse, explicit.lse), given.name).toBeLessThan(1e-4);
  }
});
