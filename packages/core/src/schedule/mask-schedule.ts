import { bandOf } from "../expression/band-of.ts";
import { boundsOf } from "../expression/bounds.ts";
import { type Mask, rootOf } from "../expression/expression.ts";
import { OVER_B, OVER_H } from "../expression/node.ts";
import type { Visibility } from "../runtime/runtime.ts";
import type { AttentionShape, Positions } from "../shape.ts";
import { bandSchedule, blockPositions, stackedHeads } from "./band-schedule.ts";
import { KeyRuns } from "./key-runs.ts";
import { listOfRuns, stackedLists } from "./run-lists.ts";
import { NO_INDICES, type Schedule } from "./schedule.ts";

/** Rows of a block that packing a key costs as much as, when blocks of different sizes are compared. */
const PACKING_ROWS = 48;
/** Blocks are not cut below this many rows. */
const LEAST_ROWS = 64;
/** Blocks of the largest size that sizes are compared on. */
const SAMPLED_BLOCKS = 16;

/**
 * The schedule of a mask, in time and memory that follow the number of tasks: what its bounds prove empty is left out, what they prove
 * full is not looked at again, and the mask is evaluated pair by pair only in what is left.
 *
 * @param pairTerms whether a mask tensor or a bias can hide pairs as well; every task is then partial.
 */
export function maskSchedule(shape: AttentionShape, at: Positions, mask: Mask, pairTerms: boolean): Schedule {
  const { ahead, back, rest } = bandOf(mask);
  return visibilitySchedule(shape, at, { reach: { ahead, back }, mask: rest }, pairTerms);
}

/**
 * The schedule of pairs that are within reach and that a mask shows.
 *
 * @param most query positions of a block at most, where a mask decides. Default: the number that gives the least work.
 */
export function visibilitySchedule(
  shape: AttentionShape,
  at: Positions,
  { reach, mask }: Visibility,
  pairTerms: boolean,
  most?: number,
): Schedule {
  if (mask === undefined) return bandSchedule(shape, at, reach, pairTerms);
  const runs = new KeyRuns(boundsOf(mask), reach, pairTerms);
  const { over } = rootOf(mask);
  const chosen = chosenBlocks(shape, at, (over & OVER_H) !== 0, runs);
  const { stack, positions } = most === undefined ? chosen : { ...chosen, positions: Math.min(most, chosen.positions) };
  const lists = stackedLists(
    shape,
    stack,
    // What the mask does not depend on does not make another list.
    ({ b, h0 }) =>
      [at.queryOffset[b]!, at.keyLength[b]!, (over & OVER_B) !== 0 && b, (over & OVER_H) !== 0 && h0].join(),
    ({ b, h0, h1 }) =>
      listOfRuns(shape.queries, positions, (row, rows) => {
        const first = row + at.queryOffset[b]!;
        runs.find({ first, last: first + rows - 1, b, h0, h1, keys: at.keyLength[b]! });
        return runs.runs;
      }),
  );
  return { ...lists, blockPositions: positions, reaches: [reach], masked: mask, indices: NO_INDICES };
}

interface Blocks {
  /** Query heads of a stack. */
  readonly stack: number;
  /** Query positions of a block. */
  readonly positions: number;
}

/**
 * Large blocks pack a key for many rows; small ones follow a mask more closely. Where a mask tells heads apart, the same holds for
 * stacks. The choice has the least work on blocks that stand for all: for every key that a block meets its rows, and packing.
 */
function chosenBlocks(shape: AttentionShape, at: Positions, perHead: boolean, runs: KeyRuns): Blocks {
  const { heads, kvHeads } = shape;
  const whole = { stack: stackedHeads(heads, kvHeads), positions: blockPositions(shape) };
  const candidates = halves(whole);
  if (perHead && whole.stack > 1) {
    candidates.push(...halves({ stack: 1, positions: blockPositions({ ...shape, kvHeads: heads }) }));
  }
  let best = whole;
  if (candidates.length === 1 || shape.batch === 0 || shape.queries === 0) return best;
  let least = Infinity;
  /** What the last size of blocks costs with a stack, or 0 where no smaller one is tried. */
  const costs = new Map<number, number>();
  const stretch = Math.max(...candidates.map(({ positions }) => positions));
  for (const candidate of candidates) {
    const before = costs.get(candidate.stack) ?? Infinity;
    if (before === 0) continue;
    const cost = sampledCost(shape, at, candidate, stretch, runs);
    // Where half the size does not pay, a quarter of it would not either.
    costs.set(candidate.stack, cost < before ? cost : 0);
    if (cost >= least) continue;
    least = cost;
    best = candidate;
  }
  return best;
}

function halves(whole: Blocks): Blocks[] {
  const candidates = [whole];
  const { stack } = whole;
  for (let { positions } = whole; positions > 1;) {
    positions = Math.ceil(positions / 2);
    if (positions * stack < LEAST_ROWS) break;
    candidates.push({ stack, positions });
  }
  return candidates;
}

/** Work on some stretches of queries, each of another batch element and key head. */
function sampledCost(
  { batch, heads, kvHeads, queries }: AttentionShape,
  at: Positions,
  { stack, positions }: Blocks,
  stretch: number,
  runs: KeyRuns,
): number {
  const group = heads / kvHeads;
  const stretches = Math.ceil(queries / stretch);
  const samples = Math.min(stretches, SAMPLED_BLOCKS);
  let cost = 0;
  for (let sample = 0; sample < samples; sample++) {
    // The middles of equal shares, so that neither the first nor the last stretch counts for more.
    const start = Math.floor(((sample + 0.5) * stretches) / samples) * stretch;
    const end = Math.min(start + stretch, queries);
    const b = sample % batch;
    const g = Math.floor(sample / batch) % kvHeads;
    for (let first = 0; first < group; first += stack) {
      const h0 = g * group + first;
      const h1 = h0 + Math.min(stack, group - first) - 1;
      for (let row = start; row < end; row += positions) {
        const rows = Math.min(positions, end - row);
        const position = row + at.queryOffset[b]!;
        runs.find({ first: position, last: position + rows - 1, b, h0, h1, keys: at.keyLength[b]! });
        cost += runs.keyCount() * (rows * (h1 - h0 + 1) + PACKING_ROWS);
      }
    }
  }
  return cost;
}
