import { stacksPerGroup, TASK_INTS, taskRow, type Schedule } from "../../schedule/schedule.ts";
import type { AttentionShape } from "../../shape.ts";
import type { UnitPlan } from "../units.ts";

/** Panels of keys begin at multiples of this, which every tile of the kernels divides. */
export const PANEL_ALIGNMENT = 256;

/** The bounds that waves and panels keep where they can. They are the same everywhere: results depend on them. */
export interface WaveLimits {
  /** Bytes that a wave may take for its rows, their states and the panels of keys in flight. */
  readonly waveBytes: number;
  /** Bytes of one panel of keys and values of one head, when keys stream. */
  readonly panelBytes: number;
  /** Work of one unit on one panel: 1 to 5 ms, so that a thread can often look up. */
  readonly unitFlops: number;
}

const LIMITS: WaveLimits = {
  waveBytes: 26 * 2 ** 20,
  panelBytes: 2 ** 20,
  // 192 rows x 1024 keys at D = E = 64.
  unitFlops: 1024 * 192 * 256,
};

/** What has to be copied in and out; the rest is in linear memory already. */
export type Copies = Readonly<Record<"q" | "k" | "v" | "out", boolean>>;

/** What decides about waves. */
export interface WaveInputs {
  readonly shape: AttentionShape;
  readonly schedule: Schedule;
  readonly units: UnitPlan;
  /** Floats of a unit's running state. */
  readonly stateFloats: number;
  /** Query tensors that tasks choose from. */
  readonly operands: number;
  readonly copies: Copies;
  /** Heads and rows (1 where they are broadcast) and bytes a pair of what is added or masked pair by pair. */
  readonly pairTerms: readonly { readonly heads: number; readonly rows: number; readonly bytes: number }[];
}

/**
 * How a call passes through linear memory: *waves* of query rows stay there with their running states while *panels* of
 * keys pass by. It depends on shape and schedule only, never on threads, time or free memory.
 *
 * ```text
 *              keys ->
 *            | panel | panel | panel |
 *   wave 0   |   1   |   2   |   3   |      a wave is some batch elements, or some key heads of one,
 *   wave 1   |   4   |   5   |   6   |      or some rows of one key head's queries
 * ```
 */
export interface WavePlan {
  readonly waves: readonly Wave[];
  /** Keys of a panel. At least M when every wave meets its keys at once, and needs no states between panels. */
  readonly panelKeys: number;
  readonly streams: boolean;
  /** Batch elements, key heads and rows of the largest wave. */
  readonly batch: number;
  readonly kvHeads: number;
  readonly rows: number;
}

/** Half-open ranges. `blocks` are those of the (one) task list where a wave has some rows of one key head, else all. */
export interface Wave {
  readonly batch: Span;
  readonly kvHeads: Span;
  readonly rows: Span;
  readonly blocks: Span | undefined;
  /** Whether every row of `rows` belongs to the wave: not so for some of a strided schedule's. */
  readonly whole: boolean;
}

export interface Span {
  readonly from: number;
  readonly to: number;
}

export function planWaves(inputs: WaveInputs, limits: WaveLimits = LIMITS): WavePlan {
  const { shape, schedule } = inputs;
  const { batch, kvHeads, queries, keys } = shape;
  const costs = waveCosts(inputs, limits);
  const { waveBytes } = limits;

  const atOnce = costs.headBytes(queries, keys, false);
  const whole = costs.unitFlopsAtOnce <= limits.unitFlops && atOnce <= waveBytes;
  if (whole || batch * kvHeads * queries === 0) {
    const heads = Math.max(1, Math.floor(waveBytes / Math.max(1, atOnce)));
    return { ...headWaves(batch, kvHeads, queries, heads), panelKeys: Math.max(keys, 1), streams: false };
  }

  const panelKeys = costs.panelKeys();
  const headBytes = costs.headBytes(queries, panelKeys, true);
  if (headBytes <= waveBytes) {
    const heads = Math.floor(waveBytes / headBytes);
    return { ...headWaves(batch, kvHeads, queries, heads), panelKeys, streams: true };
  }
  const fixed = costs.headBytes(0, panelKeys, true);
  const perBlock = costs.headBytes(schedule.blockPositions, panelKeys, true) - fixed;
  const blocks = Math.max(1, Math.floor((waveBytes - fixed) / perBlock));
  return { ...blockWaves(inputs, blocks), panelKeys, streams: true };
}

function waveCosts(
  { shape, schedule, units, stateFloats, operands, copies, pairTerms }: WaveInputs,
  limits: WaveLimits,
) {
  const { heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const group = heads / kvHeads;
  const blockPositions = Math.max(1, Math.min(schedule.blockPositions, queries));
  const stacks = Math.ceil((group * blockPositions) / Math.max(1, units.rows));
  const rowBytes = 4 * group * ((copies.q ? operands * headDim : 0) + (copies.out ? valueDim : 0) + 1);
  const keyBytes = 4 * ((copies.k ? headDim : 0) + (copies.v ? valueDim : 0));
  const gathered = schedule.gathered === true;
  // A gathered key meets some of its unit's rows only: as many as on the average.
  const keyRows = gathered ? (mostPairs(schedule) * schedule.stack) / Math.max(1, keys) : units.rows;
  const keyFlops = keyRows * 2 * (headDim + valueDim);
  const unitKeys = gathered ? keys : mostKeys(schedule);
  const parts = units.joins === 0 ? 1 : units.slots / units.joins;
  return {
    unitFlopsAtOnce: (keyFlops * unitKeys) / parts,

    /** Bytes of `rows` query rows of one key head, against panels of `panel` keys, two of them in flight when they stream. */
    headBytes(rows: number, panel: number, streams: boolean): number {
      let pairBytes = 0;
      for (const term of pairTerms) {
        pairBytes += (term.heads === 1 ? 1 : group) * (term.rows === 1 ? 1 : rows) * term.bytes;
      }
      const states = streams ? stacks * Math.ceil(rows / blockPositions) * stateFloats * 4 : 0;
      return rows * rowBytes + states + (streams ? 2 : 1) * panel * (keyBytes + pairBytes);
    },

    panelKeys(): number {
      const all = roundUp(keys);
      const byFlops = keyFlops * unitKeys <= limits.unitFlops ? all : roundDown(limits.unitFlops / keyFlops);
      const byBytes = keyBytes === 0 ? all : roundDown(limits.panelBytes / keyBytes);
      return Math.max(PANEL_ALIGNMENT, Math.min(all, byFlops, byBytes));
    },
  };
}

/** Keys that the tasks of a block cover, of the block that covers most. */
function mostKeys(schedule: Schedule): number {
  let most = 0;
  for (const { tasks, blocks } of schedule.lists) {
    for (let block = 0; block + 1 < blocks.length; block++) {
      let keys = 0;
      for (let task = blocks[block]!; task < blocks[block + 1]!; task++) keys += tasks[task * TASK_INTS + 4]!;
      most = Math.max(most, keys);
    }
  }
  return most;
}

/** Pairs of a query head that the tasks of a block cover, of the block that covers most. */
function mostPairs({ lists }: Schedule): number {
  let most = 0;
  for (const { tasks, blocks } of lists) {
    for (let block = 0; block + 1 < blocks.length; block++) {
      let pairs = 0;
      for (let at = blocks[block]! * TASK_INTS; at < blocks[block + 1]! * TASK_INTS; at += TASK_INTS) {
        pairs += tasks[at + 1]! * tasks[at + 4]!;
      }
      most = Math.max(most, pairs);
    }
  }
  return most;
}

type Cut = Pick<WavePlan, "waves" | "batch" | "kvHeads" | "rows">;

/** Waves of `heads` key heads with all their rows, of equal size: whole batch elements, or a share of one's heads. */
function headWaves(batch: number, kvHeads: number, queries: number, heads: number): Cut {
  const rows: Span = { from: 0, to: queries };
  const waves: Wave[] = [];
  if (heads >= kvHeads) {
    const elements = equalShare(batch, Math.floor(heads / Math.max(1, kvHeads)));
    for (const span of spans(batch, elements)) {
      waves.push({ batch: span, kvHeads: { from: 0, to: kvHeads }, rows, blocks: undefined, whole: true });
    }
    return { waves, batch: elements, kvHeads, rows: queries };
  }
  const share = equalShare(kvHeads, heads);
  for (let b = 0; b < batch; b++) {
    for (const span of spans(kvHeads, share)) {
      waves.push({ batch: { from: b, to: b + 1 }, kvHeads: span, rows, blocks: undefined, whole: true });
    }
  }
  return { waves, batch: 1, kvHeads: share, rows: queries };
}

/** Waves of `blocks` blocks of rows of one key head. */
function blockWaves({ shape, schedule }: WaveInputs, blocks: number): Cut {
  const waves: Wave[] = [];
  const stacks = stacksPerGroup(shape.heads, shape.kvHeads, schedule.stack);
  let most = 0;
  for (let b = 0; b < shape.batch; b++) {
    for (let g = 0; g < shape.kvHeads; g++) {
      // All lists have the same blocks.
      const { tasks, blocks: starts } = schedule.lists[schedule.listOf[(b * shape.kvHeads + g) * stacks]!]!;
      const count = starts.length - 1;
      for (const span of spans(count, equalShare(count, blocks))) {
        let [from, to, covered] = [Infinity, 0, 0];
        for (let block = span.from; block < span.to; block++) {
          const at = starts[block]! * TASK_INTS;
          const rows = tasks[at + 1]!;
          from = Math.min(from, taskRow(tasks, at, 0, schedule.indices));
          to = Math.max(to, taskRow(tasks, at, rows - 1, schedule.indices) + 1);
          covered += rows;
        }
        most = Math.max(most, to - from);
        waves.push({
          batch: { from: b, to: b + 1 },
          kvHeads: { from: g, to: g + 1 },
          rows: { from, to },
          blocks: span,
          whole: covered === to - from,
        });
      }
    }
  }
  return { waves, batch: 1, kvHeads: 1, rows: most };
}

/** The largest share of `count` things that needs no more shares than shares of `most` would. */
function equalShare(count: number, most: number): number {
  const share = Math.max(1, Math.min(count, most));
  return Math.max(1, Math.ceil(count / Math.ceil(count / share)));
}

function spans(count: number, share: number): Span[] {
  const list: Span[] = [];
  for (let from = 0; from < count; from += share) list.push({ from, to: Math.min(count, from + share) });
  return list;
}

function roundUp(count: number): number {
  return Math.ceil(count / PANEL_ALIGNMENT) * PANEL_ALIGNMENT;
}

function roundDown(count: number): number {
  return Math.floor(count / PANEL_ALIGNMENT) * PANEL_ALIGNMENT;
}
