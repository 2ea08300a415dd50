import { TASK_INTS, taskKeyEnd, taskRow, type Schedule } from "../../schedule/schedule.ts";
import type { AttentionShape } from "../../shape.ts";
import { UNIT_INTS, type UnitPlan } from "../units.ts";
import { PANEL_ALIGNMENT, type Span, type Wave, type WavePlan } from "./wave-plan.ts";

/** Task bytes up to which all tasks are staged at once; longer lists are staged wave by wave. */
const TASKS_AT_ONCE = 2 ** 20;

/** What a wave does: the units of its rows, and the panels of keys that they meet. */
export interface WaveWork {
  /** Packed as in `UnitPlan.units`. */
  readonly units: Int32Array;
  readonly unitCount: number;
  /** The tasks that the units name, or undefined where they name those of the whole call. */
  readonly tasks: Int32Array | undefined;
  /** At least one, so that rows without keys are written too. */
  readonly panels: readonly Panel[];
}

/** The keys [from, to) of one pass; those of them that some row's tasks cover lie in [first, end). */
export interface Panel extends Span {
  readonly first: number;
  readonly end: number;
}

/** The units and panels of every wave of a call. */
export class WaveWorks {
  readonly tasksAtOnce: boolean;
  readonly #plan: WavePlan;
  readonly #units: UnitPlan;
  readonly #schedule: Schedule;
  readonly #kvHeads: number;
  readonly #keys: number;
  /** Key heads of all batch elements. */
  readonly #heads: number;
  /** Indices of units by key head and first task: those of (b, g) are #byHead[#headStart[b * G + g]] and following. */
  #byHead: Int32Array | undefined;
  #headStart = new Int32Array(0);
  /** First task of every list among the joined tasks. */
  readonly #listStart: number[] = [];

  constructor(plan: WavePlan, units: UnitPlan, schedule: Schedule, shape: AttentionShape) {
    this.#plan = plan;
    this.#units = units;
    this.#schedule = schedule;
    this.#kvHeads = shape.kvHeads;
    this.#keys = shape.keys;
    this.#heads = shape.batch * shape.kvHeads;
    this.tasksAtOnce = units.tasks.length * 4 <= TASKS_AT_ONCE;
    let start = 0;
    for (const list of schedule.lists) {
      this.#listStart.push(start);
      start += list.tasks.length / TASK_INTS;
    }
  }

  work(wave: Wave): WaveWork {
    const { waves, streams } = this.#plan;
    const { tasks: all } = this.#units;
    const units = waves.length === 1 && !streams ? this.#units.units : this.#unitsOf(wave);
    const unitCount = units.length / UNIT_INTS;
    const panels = this.#panelsOf(units, unitCount);
    if (this.tasksAtOnce) return { units, unitCount, tasks: undefined, panels };
    return { ...renumbered(units, all), unitCount, panels };
  }

  /** Units and task ints of the largest wave. */
  most(): { units: number; taskInts: number } {
    const { waves, streams } = this.#plan;
    if (waves.length === 1 && !streams && this.tasksAtOnce) {
      return { units: this.#units.unitCount, taskInts: this.#units.tasks.length };
    }
    let [units, taskInts] = [0, this.tasksAtOnce ? this.#units.tasks.length : 0];
    for (const wave of waves) {
      const mine = this.#indicesOf(wave);
      units = Math.max(units, mine.length);
      if (this.tasksAtOnce) continue;
      taskInts = Math.max(taskInts, renumbered(packed(this.#units.units, mine), this.#units.tasks).tasks.length);
    }
    return { units, taskInts };
  }

  /** The runs of rows that belong to a wave of some blocks, where others lie between them. */
  rowsOf(wave: Wave): Span[] {
    const { indices, lists } = this.#schedule;
    const { tasks, blocks } = lists[this.#listsOf(this.#headOf(wave))[0]!]!;
    const runs: Span[] = [];
    for (let block = wave.blocks!.from; block < wave.blocks!.to; block++) {
      const at = blocks[block]! * TASK_INTS;
      for (let i = 0; i < tasks[at + 1]!; i++) {
        const row = taskRow(tasks, at, i, indices);
        const before = runs.at(-1);
        if (before?.to === row) runs[runs.length - 1] = { from: before.from, to: row + 1 };
        else runs.push({ from: row, to: row + 1 });
      }
    }
    return runs;
  }

  #headOf(wave: Wave): number {
    return wave.batch.from * this.#kvHeads + wave.kvHeads.from;
  }

  #unitsOf(wave: Wave): Int32Array {
    // In the order of the call, heavy units first. A streamed unit keeps its state between panels, and is not split.
    const picked = this.#indicesOf(wave).sort();
    return this.#plan.streams ? unsplit(this.#units.units, picked) : packed(this.#units.units, picked);
  }

  #indicesOf(wave: Wave): Int32Array {
    const byHead = this.#headIndex();
    const first = wave.batch.from * this.#kvHeads;
    if (wave.blocks === undefined) {
      if (wave.kvHeads.to - wave.kvHeads.from === this.#kvHeads) {
        return byHead.slice(this.#headStart[first], this.#headStart[wave.batch.to * this.#kvHeads]);
      }
      return byHead.slice(this.#headStart[first + wave.kvHeads.from], this.#headStart[first + wave.kvHeads.to]);
    }
    const head = first + wave.kvHeads.from;
    const pieces = this.#listsOf(head).map((list) => {
      const [from, to] = this.#taskRange(wave.blocks!, list);
      return byHead.subarray(this.#firstWith(head, from), this.#firstWith(head, to));
    });
    return Int32Array.from(pieces.flatMap((piece) => [...piece]));
  }

  /** The lists of a head's stacks, each once. */
  #listsOf(head: number): number[] {
    const stacks = this.#schedule.listOf.length / Math.max(1, this.#heads);
    return [...new Set(this.#schedule.listOf.subarray(head * stacks, (head + 1) * stacks))];
  }

  /** Where the units of a head whose first task is at least `task` begin. */
  #firstWith(head: number, task: number): number {
    let [low, high] = [this.#headStart[head]!, this.#headStart[head + 1]!];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#units.units[this.#byHead![middle]! * UNIT_INTS + 4]! < task) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #taskRange({ from, to }: Span, list: number): [from: number, to: number] {
    const { blocks } = this.#schedule.lists[list]!;
    return [this.#listStart[list]! + blocks[from]!, this.#listStart[list]! + blocks[to]!];
  }

  #headIndex(): Int32Array {
    if (this.#byHead !== undefined) return this.#byHead;
    const { units, unitCount } = this.#units;
    const start = new Int32Array(this.#heads + 1);
    const headOf = (unit: number): number => units[unit * UNIT_INTS]! * this.#kvHeads + units[unit * UNIT_INTS + 3]!;
    for (let unit = 0; unit < unitCount; unit++) start[headOf(unit) + 1]!++;
    for (let head = 1; head < start.length; head++) start[head]! += start[head - 1]!;
    const byHead = new Int32Array(unitCount);
    const next = start.slice();
    for (let unit = 0; unit < unitCount; unit++) byHead[next[headOf(unit)]!++] = unit;
    for (let head = 0; head + 1 < start.length; head++) {
      byHead
        .subarray(start[head], start[head + 1])
        .sort((x, y) => units[x * UNIT_INTS + 4]! - units[y * UNIT_INTS + 4]! || x - y);
    }
    this.#headStart = start;
    this.#byHead = byHead;
    return byHead;
  }

  #panelsOf(units: Int32Array, unitCount: number): Panel[] {
    const { tasks } = this.#units;
    const size = this.#plan.panelKeys;
    const count = Math.max(1, Math.ceil(this.#keys / size));
    const first = new Int32Array(count).fill(0x7fff_ffff);
    const end = new Int32Array(count);
    let seen = -1;
    for (let unit = 0; unit < unitCount; unit++) {
      const from = units[unit * UNIT_INTS + 4]!;
      if (from === seen) continue;
      seen = from;
      const to = from + units[unit * UNIT_INTS + 5]!;
      for (let at = from * TASK_INTS; at < to * TASK_INTS; at += TASK_INTS) {
        const [lo, keys] = [tasks[at + 3]!, tasks[at + 4]!];
        if (keys === 0) continue;
        const hi = taskKeyEnd(tasks, at, this.#schedule.indices);
        for (let panel = Math.floor(lo / size); panel * size < hi; panel++) {
          first[panel] = Math.min(first[panel]!, Math.max(lo, panel * size));
          end[panel] = Math.max(end[panel]!, Math.min(hi, (panel + 1) * size));
        }
      }
    }
    const panels: Panel[] = [];
    for (let panel = 0; panel < count; panel++) {
      if (end[panel] === 0) continue;
      panels.push({
        from: panel * size,
        to: Math.min(this.#keys, (panel + 1) * size),
        first: Math.floor(first[panel]! / PANEL_ALIGNMENT) * PANEL_ALIGNMENT,
        end: end[panel]!,
      });
    }
    if (panels.length === 0) panels.push({ from: 0, to: 0, first: 0, end: 0 });
    return panels;
  }
}

function packed(units: Int32Array, picked: Int32Array): Int32Array {
  const result = new Int32Array(picked.length * UNIT_INTS);
  picked.forEach((unit, i) => result.set(units.subarray(unit * UNIT_INTS, (unit + 1) * UNIT_INTS), i * UNIT_INTS));
  return result;
}

/** The units without their parts: the first part stands for all, with the keys of all. */
function unsplit(units: Int32Array, picked: Int32Array): Int32Array {
  const firsts = picked.filter((unit) => units[unit * UNIT_INTS + 8] === 0);
  const result = packed(units, firsts);
  firsts.forEach((unit, i) => {
    const parts = units[unit * UNIT_INTS + 9]!;
    const at = i * UNIT_INTS;
    result[at + 7] = units[(unit + parts - 1) * UNIT_INTS + 7]!;
    result[at + 9] = 1;
  });
  return result;
}

/** The tasks that some units name, each once, and the units with the new numbers. */
function renumbered(units: Int32Array, tasks: Int32Array): { units: Int32Array; tasks: Int32Array } {
  const placed = new Map<number, number>();
  const result = units.slice();
  const pieces: Int32Array[] = [];
  let length = 0;
  for (let at = 0; at < units.length; at += UNIT_INTS) {
    const from = units[at + 4]!;
    let place = placed.get(from);
    if (place === undefined) {
      place = length / TASK_INTS;
      placed.set(from, place);
      const piece = tasks.subarray(from * TASK_INTS, (from + units[at + 5]!) * TASK_INTS);
      pieces.push(piece);
      length += piece.length;
    }
    result[at + 4] = place;
  }
  const joined = new Int32Array(length);
  let to = 0;
  for (const piece of pieces) {
    joined.set(piece, to);
    to += piece.length;
  }
  return { units: result, tasks: joined };
}
