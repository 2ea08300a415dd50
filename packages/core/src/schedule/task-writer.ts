import type { CountedList } from "./run-lists.ts";
import { FINISH, putTask, TASK_INTS } from "./schedule.ts";

/** The rows of a block: query indices start, start + stride, ... */
export interface BlockRows {
  readonly start: number;
  readonly count: number;
  /** Default 1. */
  readonly stride?: number | undefined;
}

/** Keys that the rows of a block meet: start, start + stride, ... */
export interface TaskKeys {
  readonly start: number;
  readonly count: number;
  /** Default 1. */
  readonly stride?: number | undefined;
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

  /** The tasks that follow are for these rows. */
  begin(rows: BlockRows): void {
    this.#end();
    this.#blocks.push(this.#at / TASK_INTS);
    this.#rows = rows;
  }

  /** In ascending order of keys; no keys, no task. */
  put(keys: TaskKeys): void {
    if (keys.count > 0) this.#put(keys);
  }

  list(): CountedList {
    this.#end();
    const tasks = this.#tasks.slice(0, this.#at);
    return { tasks, blocks: Int32Array.from([...this.#blocks, this.#at / TASK_INTS]), pairs: this.#pairs };
  }

  #put({ start, count, stride = 1, flags = 0, reach = 0, operand = 0, row = start }: TaskKeys): void {
    if (this.#at === this.#tasks.length) {
      const grown = new Int32Array(2 * this.#tasks.length);
      grown.set(this.#tasks);
      this.#tasks = grown;
    }
    const rows = this.#rows;
    putTask(this.#tasks, this.#at, rows.start, rows.count, start, count, flags);
    this.#tasks[this.#at + 2] = rows.stride ?? 1;
    this.#tasks[this.#at + 5] = stride;
    this.#tasks[this.#at + 6] = operand;
    this.#tasks[this.#at + 8] = row;
    this.#tasks[this.#at + 11] = reach;
    this.#at += TASK_INTS;
    this.#pairs += rows.count * count;
  }

  /** The last task of a block finishes its rows. Rows without keys still have to be written. */
  #end(): void {
    const first = this.#blocks.at(-1);
    if (first === undefined) return;
    if (this.#at === first * TASK_INTS) this.#put({ start: 0, count: 0 });
    this.#tasks[this.#at - TASK_INTS + 7]! |= FINISH;
  }
}
