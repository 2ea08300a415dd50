import { STACK_BYTES } from "./kernel-instance.ts";
import type { LinearMemory } from "./linear-memory.ts";
import { startWorker, type WorkerThread } from "./worker-thread.ts";

// Words of `Control` in wasm.c.
const CONTROL = { job: 0, pending: 1, done: 2, threads: 4 } as const;
const START_TIMEOUT_MS = 10_000;
/** How long workers that are still well may take to finish their last unit after one has died. */
const GRACE_MS = 2000;
/** No unit takes longer, when nothing is wrong, than this after all units were taken. */
const JOIN_TIMEOUT_MS = 60_000;
/** More than any job's number of units. */
const NO_MORE_UNITS = 0x4000_0000;

interface Team {
  readonly workers: readonly WorkerThread[];
  /** Addresses: the control words and the stacks. */
  readonly control: number;
  readonly stacks: number;
}

interface Running {
  readonly threads: number;
  /** Index of the job's `next` among the memory's ints. */
  readonly next: number;
  /** The value of `done` when the job has ended. */
  readonly done: number;
}

/**
 * Worker threads over a shared memory. They are started when the first job needs them, wait inside WebAssembly between jobs, and do
 * not keep the process alive. When one dies, the job in flight fails, all are ended, and the next job starts new ones.
 */
export class Pool {
  readonly size: number;
  readonly #memory: LinearMemory;
  readonly #module: WebAssembly.Module;
  readonly #factory: (() => unknown) | undefined;
  #team: Team | undefined;
  #starting: Promise<void> | undefined;
  #running: Running | undefined;
  #fail: ((reason: Error) => void) | undefined;
  /** Called when a worker says that a job is done, where Atomics.waitAsync is missing. */
  #wake: (() => void) | undefined;
  #ending: Promise<void> = Promise.resolve();

  constructor(memory: LinearMemory, module: WebAssembly.Module, size: number, factory: (() => unknown) | undefined) {
    this.size = size;
    this.#memory = memory;
    this.#module = module;
    this.#factory = factory;
  }

  /** Whether workers are there, busy or not. */
  get started(): boolean {
    return this.#team !== undefined;
  }

  /** Whether workers wait for a job. */
  get ready(): boolean {
    return this.#team !== undefined && this.#running === undefined;
  }

  /** Starts the workers unless they are there. Rejects when they cannot be started. */
  async start(): Promise<void> {
    if (this.#team !== undefined) return;
    this.#starting ??= this.#startTeam().finally(() => {
      this.#starting = undefined;
    });
    await this.#starting;
  }

  /** Gives a job to `threads` workers. `next` is the index of the job's `next` among the memory's ints. */
  begin(job: number, next: number, threads: number): void {
    const team = this.#team;
    if (team === undefined || this.#running !== undefined)
      throw new Error("wasm runtime: the worker threads are not free");
    const ints = this.#memory.ints();
    const word = team.control / 4;
    ints[word + CONTROL.job] = job;
    Atomics.store(ints, word + CONTROL.pending, threads);
    this.#running = { threads, next, done: (Atomics.load(ints, word + CONTROL.done) + 1) | 0 };
    team.workers[0]!.hold();
    for (let thread = 0; thread < threads; thread++) {
      const start = word + CONTROL.threads + 2 * thread;
      Atomics.add(ints, start, 1);
      Atomics.notify(ints, start, 1);
    }
  }

  /** Lets the workers end the job after the units that they are working on. */
  cut(): void {
    if (this.#running !== undefined) Atomics.store(this.#memory.ints(), this.#running.next, NO_MORE_UNITS);
  }

  /** Resolves when the job has ended; rejects when a worker died, and then none of them touches the memory any more. */
  async join(): Promise<void> {
    const [team, running] = [this.#team!, this.#running!];
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    // Nobody may be listening when it rejects after the job has ended.
    failed.catch(() => {});
    try {
      await Promise.race([this.#done(team, running), failed]);
    } catch (error) {
      await this.#ending;
      throw error;
    } finally {
      this.#fail = undefined;
      this.#running = undefined;
      team.workers[0]!.release();
    }
  }

  /** `join` for callers that cannot wait otherwise. A browser's main thread may not sleep: it looks until it is so. */
  joinSync(): void {
    const [team, running] = [this.#team!, this.#running!];
    const ints = this.#memory.ints();
    const done = team.control / 4 + CONTROL.done;
    const before = (running.done - 1) | 0;
    const deadline = performance.now() + JOIN_TIMEOUT_MS;
    while (Atomics.load(ints, done) === before && performance.now() < deadline) {
      if (maySleep()) Atomics.wait(ints, done, before, JOIN_TIMEOUT_MS);
    }
    this.#running = undefined;
    team.workers[0]!.release();
    if (Atomics.load(ints, done) !== before) return;
    this.#end(team, new Error("it did not answer"));
    throw new Error("wasm runtime: a worker thread ended during the call");
  }

  async close(): Promise<void> {
    await this.#starting?.catch(() => {});
    if (this.#team !== undefined) this.#end(this.#team, new Error("the runtime was closed"));
    await this.#ending;
  }

  async #startTeam(): Promise<void> {
    await this.#ending;
    const { memory } = this.#memory;
    const control = this.#memory.allocateZeros(4 * (CONTROL.threads + 2 * this.size));
    const stacks = this.#memory.allocate(STACK_BYTES * this.size);
    const messages = typeof Atomics.waitAsync !== "function";
    const workers: WorkerThread[] = [];
    const team: Team = { workers, control, stacks };
    const ready: Promise<void>[] = [];
    try {
      for (let thread = 0; thread < this.size; thread++) {
        const worker = startWorker(this.#factory);
        workers.push(worker);
        ready.push(this.#ready(team, worker));
        const stack = stacks + STACK_BYTES * (thread + 1);
        worker.hold();
        worker.post({ module: this.#module, memory, control, thread, stack, seen: 0, messages });
      }
      await Promise.all(ready);
    } catch (error) {
      for (const promise of ready) promise.catch(() => {});
      this.#end(team, new Error("another one could not be started"));
      throw error;
    }
    for (const worker of workers) worker.release();
    this.#team = team;
  }

  #ready(team: Team, worker: WorkerThread): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("a worker thread did not start in time")), START_TIMEOUT_MS);
      worker.listen(
        (message) => {
          if (message === "done") this.#wake?.();
          if (message !== "ready") return;
          clearTimeout(timer);
          resolve();
        },
        (reason) => {
          clearTimeout(timer);
          reject(reason);
          if (this.#team === team) this.#end(team, reason);
        },
      );
    });
  }

  async #done(team: Team, { done }: Running): Promise<void> {
    const ints = this.#memory.ints();
    const index = team.control / 4 + CONTROL.done;
    const before = (done - 1) | 0;
    while (Atomics.load(ints, index) === before && this.#team === team) {
      if (typeof Atomics.waitAsync === "function") {
        await Atomics.waitAsync(ints, index, before).value;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  /** Ends all workers and fails the job in flight. */
  #end(team: Team, reason: Error): void {
    const running = this.#running;
    this.#team = undefined;
    const error = new Error(`wasm runtime: a worker thread ended during the call: ${reason.message}`, {
      cause: reason,
    });
    this.#ending = this.#ending.then(async () => {
      if (running !== undefined) {
        // A worker that is terminated in the middle of a unit may not stop at once in a browser: let it finish first.
        this.#cutAt(running.next);
        await this.#settled(team, running.threads);
      }
      await Promise.all(team.workers.map((worker) => worker.terminate()));
      const ints = this.#memory.ints();
      Atomics.notify(ints, team.control / 4 + CONTROL.done);
      this.#memory.free(team.control);
      this.#memory.free(team.stacks);
    });
    this.#fail?.(error);
  }

  #cutAt(next: number): void {
    Atomics.store(this.#memory.ints(), next, NO_MORE_UNITS);
  }

  /** Waits until all workers but the dead one have finished, for a while. */
  async #settled(team: Team, threads: number): Promise<void> {
    const ints = this.#memory.ints();
    const word = team.control / 4;
    const deadline = performance.now() + GRACE_MS;
    while (Atomics.load(ints, word + CONTROL.pending) > 1 && threads > 1 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

let sleeps: boolean | undefined;

/** Whether this thread may wait: workers and Node's main thread may, a browser's main thread may not. */
function maySleep(): boolean {
  if (sleeps === undefined) {
    try {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
      sleeps = true;
    } catch {
      sleeps = false;
    }
  }
  return sleeps;
}
