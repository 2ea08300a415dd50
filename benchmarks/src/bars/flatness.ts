import { interleave } from "../contest/interleave.ts";
import type { CallShape } from "../measure/shape.ts";
import { median, medianRatio } from "../measure/statistics.ts";
import { short } from "../report.ts";
import type { System } from "../systems/registry.ts";
import type { Measured } from "./bar.ts";
import { reasons, withContestants } from "./duel.ts";

const TURNS = { rounds: 5, roundMs: 150, budgetMs: Infinity, fewestRounds: 5 };

/** How many times the least time per token the largest is, over shapes of different lengths. */
export function flatness(system: System, shapes: readonly CallShape[]): Promise<Measured> {
  const entries = shapes.map((shape) => ({ system, shape }));
  return withContestants(entries, async (contestants) => {
    await interleave(contestants, TURNS);
    const failed = reasons(contestants);
    if (failed !== "") return { value: NaN, detail: failed };
    const ratios = contestants.flatMap((a) =>
      contestants.map((b) => (medianRatio(a.rounds, b.rounds) * b.shape.N) / a.shape.N),
    );
    const times = contestants.map(({ shape, rounds }) => `N ${shape.N} ${short((1e6 * median(rounds)) / shape.N)} ns`);
    return { value: Math.max(...ratios), detail: `a token: ${times.join(", ")}` };
  });
}
