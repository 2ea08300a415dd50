import { setTimeout as sleep } from "node:timers/promises";
import type { Contestant } from "./contestant.ts";

export interface InterleaveOptions {
  /** Rounds of each contestant. */
  readonly rounds: number;
  /** Length of a round; at least one call is made. */
  readonly roundMs: number;
  /** A contestant that has computed this long takes part no longer, once it has its fewest rounds. */
  readonly budgetMs: number;
  readonly fewestRounds: number;
}

/** Between rounds, so that worker threads which spin for a while after a call are asleep before the next contestant's. */
const SETTLE_MS = 20;

/**
 * A B A B ...: contestants take turns, one computing at a time. The first turn of each warms up and is not counted.
 * What rounds took is left in `contestant.rounds` and `contestant.cpu`.
 */
export async function interleave(contestants: readonly Contestant[], options: InterleaveOptions): Promise<void> {
  const spent = new Map<Contestant, number>();
  for (let round = -1; round < options.rounds; round++) {
    for (const contestant of contestants) {
      const used = spent.get(contestant) ?? 0;
      if (contestant.failed !== undefined) continue;
      if (used > options.budgetMs && contestant.rounds.length >= options.fewestRounds) continue;
      // A first call that took longer than its whole budget is warm-up enough.
      if (round < 0 && (contestant.ready?.firstMs ?? 0) > options.budgetMs) continue;
      const start = performance.now();
      const result = await contestant.round(options.roundMs);
      spent.set(contestant, used + performance.now() - start);
      if (round >= 0 && result) {
        contestant.rounds.push(result.medianMs);
        contestant.cpu.push(result.cpuMs);
      }
      await sleep(SETTLE_MS);
    }
  }
}
