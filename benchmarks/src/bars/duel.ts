import { Contestant } from "../contest/contestant.ts";
import { interleave, type InterleaveOptions } from "../contest/interleave.ts";
import { cacheBytes, neededFlops, type CallShape } from "../measure/shape.ts";
import { median, medianRatio, ratioRange } from "../measure/statistics.ts";
import { short } from "../report.ts";
import { labelOf, type System } from "../systems/registry.ts";
import type { Measured } from "./bar.ts";

export interface Entry {
  readonly system: System;
  readonly shape: CallShape;
}

const TIMEOUT_MS = 120_000;
/** Odd, so that the median is a round that ran. */
const TURNS: InterleaveOptions = { rounds: 11, roundMs: 150, budgetMs: Infinity, fewestRounds: 11 };
/** Enough to see who is near the best. */
const QUALIFYING: InterleaveOptions = { rounds: 3, roundMs: 40, budgetMs: 500, fewestRounds: 1 };
/** Slower than the best by more than this and a system need not be measured carefully. */
const NEAR = 1.5;

/** Starts the entries' processes, runs `body`, ends them. */
export async function withContestants<T>(
  entries: readonly Entry[],
  body: (contestants: readonly Contestant[]) => Promise<T>,
): Promise<T> {
  const contestants: Contestant[] = [];
  try {
    for (const { system, shape } of entries) {
      const contestant = new Contestant(system, shape, TIMEOUT_MS);
      contestants.push(contestant);
      await contestant.prepare();
    }
    return await body(contestants);
  } finally {
    for (const contestant of contestants) contestant[Symbol.dispose]();
  }
}

/** Work of one entry over that of another. */
export type WorkRatio = (ours: CallShape, other: CallShape) => number;

const needed: WorkRatio = (ours, other) => neededFlops(ours) / neededFlops(other);

/** The rate of our entry over that of another, by default as rates of the work that each shape needs. */
export function compareRates(ours: Entry, other: Entry, workOf: WorkRatio = needed): Promise<Measured> {
  return withContestants([ours, other], async ([a, b]) => {
    await interleave([a!, b!], TURNS);
    return ratio(a!, b!, workOf);
  });
}

/** The rate of our entry over that of the fastest peer that can do the call at all. */
export function againstBest(ours: Entry, peers: readonly System[]): Promise<Measured> {
  return withContestants([ours, ...peers.map((system) => ({ system, shape: ours.shape }))], async ([a, ...rest]) => {
    await interleave(rest, QUALIFYING);
    const finished = rest.filter(({ failed, rounds }) => failed === undefined && rounds.length > 0);
    if (finished.length === 0) return { value: NaN, detail: `no peer ran: ${reasons(rest)}` };
    const best = Math.min(...finished.map(({ rounds }) => median(rounds)));
    const near = finished.filter(({ rounds }) => median(rounds) <= NEAR * best);
    for (const { rounds, cpu } of near) rounds.length = cpu.length = 0;
    await interleave([a!, ...near], TURNS);
    const ratios = near.map((peer) => ratio(a!, peer));
    return ratios.reduce((least, next) => (next.value < least.value ? next : least));
  });
}

function ratio(a: Contestant, b: Contestant, workOf: WorkRatio = needed): Measured {
  if (a.failed !== undefined || b.failed !== undefined) return { value: NaN, detail: reasons([a, b]) };
  const work = workOf(a.shape, b.shape);
  const range = ratioRange(b.rounds, a.rounds);
  const single = `single rounds ${short(range.min * work)} to ${short(range.max * work)}`;
  return {
    value: medianRatio(b.rounds, a.rounds) * work,
    detail: `${figures(a)}, ${figures(b)}, ${single}${cpuRatio(a, b, work)}`,
  };
}

/** With one thread each, processor time is a second witness that a busy machine does not disturb as much. */
function cpuRatio(a: Contestant, b: Contestant, work: number): string {
  const alone = a.system.threads === 1 && b.system.threads === 1;
  if (!alone) return "";
  return `, by processor time ${(medianRatio(b.cpu, a.cpu) * work).toFixed(2)}`;
}

function figures({ system, shape, rounds }: Contestant): string {
  const ms = median(rounds);
  // A single query is bound by memory.
  const rate =
    shape.N === 1 ? `${short(cacheBytes(shape) / ms / 1e6)} GB/s` : `${short(neededFlops(shape) / ms / 1e6)} GFLOP/s`;
  return `${labelOf(system)} ${short(ms)} ms ${rate}`;
}

export const reasons = (contestants: readonly Contestant[]): string =>
  contestants.flatMap(({ label, failed }) => (failed === undefined ? [] : [`${label}: ${failed}`])).join("; ");
