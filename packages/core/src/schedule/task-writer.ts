import type { CountedList } from "./run-lists.ts";
import { FINISH, putTask, TASK_INTS } from "./schedule.ts";

/** Rows: query indices start, start + stride, ..., or a list of them. */
export interface BlockRows {
  readonly start: number;
  readonly count: number;
  /** Default 1. */
  readonly stride?: number | undefined;
  /** Where `count` ascending query indices begin among the schedule's, the first of them `start`. Default: there is no list. */
  readonly index?: number | undefined;
}

/** Keys that rows meet: start, start + stride, ..., or a list of them. */
export interface TaskKeys {
  readonly start: number;
  readonly count: number;
  /** Default 1. */
  readonly stride?: number | undefined;
  /** Where `count` ascending keys begin among the schedule's indices, the first of them `start`. Default: there is no list. */
  readonly index?: number | undefined;
  /** PARTIAL, MASKED. Default 0: every row sees every key. */
  readonly flags?: number | undefined;
  /** Index into the schedule's reaches. Default 0. */
  readonly reach?: number | undefined;
  /** Which queries. Default 0. */
  readonly operand?: number | undefined;
  /** Row of k and v in which the first key lies. Default: the key itself. */
  readonly row?: number | undefined;
}

/** Writes a list of tasks, block by block. */
export class TaskWriter {
  #tasks = new Int32Array(64 * TASK_INTS);
  #at = 0;
  readonly #blocks: number[] = [];
  #rows: BlockRows = { start: 0, count: 0 };
  #pairs = 0;

  /** The tasks that follow are for these rows; in a gathered schedule, for some of them each. */
  begin(rows: BlockRows, gathered = false): void {
    this.#end();
    this.#blocks.push(this.#at / TASK_INTS);
    this.#rows = rows;
    if (gathered) this.#put({ start: 0, count: 0 }, rows);
  }

  /** In ascending order of keys; no keys, no task. */
  put(keys: TaskKeys, rows: BlockRows = this.#rows): void {
    if (keys.count > 0 && rows.count > 0) this.#put(keys, rows);
  }

  list(): CountedList {
    this.#end();
    const tasks = this.#tasks.slice(0, this.#at);
    return { tasks, blocks: Int32Array.from([...this.#blocks, this.#at / TASK_INTS]), pairs: this.#pairs };
  }

  #put(keys: TaskKeys, rows: BlockRows): void {
    const { start, count, stride = 1, index = -1, flags = 0, reach = 0, operand = 0, row = start } = keys;
    if (this.#at === this.#tasks.length) {
      const grown = new Int32Array(2 * this.#tasks.length);
      grown.set(this.#tasks);
      this.#tasks = grown;
    }
    const tasks = this.#tasks;
    const at = this.#at;
    putTask(tasks, at, rows.start, rows.count, start, count, flags);
    tasks[at + 2] = rows.stride ?? 1;
    tasks[at + 5] = stride;
    tasks[at + 6] = operand;
    tasks[at + 8] = row;
    tasks[at + 9] = rows.index ?? -1;
    tasks[at + 10] = index;
    tasks[at + 11] = reach;
    this.#at += TASK_INTS;
    this.#pairs += rows.count * count;
  }

  /** The last task of a block finishes its rows. Rows without keys still have to be written. */
  #end(): void {
    const first = this.#blocks.at(-1);
    if (first === undefined) return;
    if (this.#at === first * TASK_INTS) this.#put({ start: 0, count: 0 }, this.#rows);
    this.#tasks[this.#at - TASK_INTS + 7]! |= FINISH;
  }
}
