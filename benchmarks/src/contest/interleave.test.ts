import { expect, test } from "vitest";
import type { Contestant } from "./contestant.ts";
import { interleave } from "./interleave.ts";

/** A contestant that only writes down its turns. */
function player(name: string, turns: string[], rounds: number[] = []): Contestant {
  const fake = {
    failed: undefined,
    ready: { firstMs: 1 },
    rounds,
    cpu: [],
    round: () => {
      turns.push(name);
      return Promise.resolve({ calls: 1, medianMs: turns.length, cpuMs: 0 });
    },
  };
  return fake as unknown as Contestant;
}

test("contestants take turns, and the first turn is not counted", async () => {
  const turns: string[] = [];
  const rounds: number[] = [];
  const both = [player("a", turns, rounds), player("b", turns)];
  await interleave(both, { rounds: 3, roundMs: 1, budgetMs: 1000, fewestRounds: 3 });
  expect(turns.join("")).toBe("abababab");
  expect(rounds).toEqual([3, 5, 7]);
});

test("one that has used its budget stops after its fewest rounds", async () => {
  const turns: string[] = [];
  await interleave([player("a", turns), player("b", turns)], { rounds: 9, roundMs: 1, budgetMs: -1, fewestRounds: 2 });
  // A first call above the budget is warm-up enough.
  expect(turns.join("")).toBe("abab");
});
