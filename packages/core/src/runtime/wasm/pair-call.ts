import { BLOCK_ROWS } from "../../schedule/schedule.ts";
import { floatsOf, type Strides, type Tensor } from "../../tensor.ts";
import { SCORING } from "../pair-units.ts";
import type { PairJob, Runtime } from "../runtime.ts";
import { UNIT_INTS } from "../units.ts";
import { copyBox, packedStrides, type Box } from "./copies.ts";
import { JOB, JOB_BYTES } from "./job-layout.ts";
import type { KernelExports } from "./kernel-instance.ts";
import type { LinearMemory } from "./linear-memory.ts";
import type { Pool } from "./pool.ts";
import { Regions } from "./regions.ts";
import { addressIn } from "./wasm-buffer.ts";

/** Keys of a slice: with all of its rows a few milliseconds of work, and 2 MB of scores. */
const SLICE_KEYS = 1024;
/** Numbers of queries and of keys that a slice holds, where they are wide. */
const SLICE_FLOATS = 1 << 20;
/** Keys of a unit: what their number is a multiple of. */
const UNIT_KEYS = 64;
const SCRATCH_SCORES = 16;
const ALL_UNITS = 0x7fff_ffff;

/** Some rows of a key head's queries against some of its keys. */
interface Slice {
  readonly b: number;
  readonly g: number;
  readonly from: number;
  readonly rows: number;
  readonly key: number;
  readonly keys: number;
}

/** A slice in linear memory, to be run before the next one is asked for. */
export interface StagedSlice {
  /** Of its job. */
  readonly address: number;
  /** Index of the job's `next` among the memory's ints. */
  readonly next: number;
}

/** Runs a job of scores on this thread, and stops after each slice. */
export function* scorePairsInMemory(
  job: PairJob,
  owner: Runtime,
  memory: LinearMemory,
  kernels: KernelExports,
): Generator<void> {
  for (const { address } of stagedSlices(job, owner, memory, kernels, 1)) {
    kernels.run(address, 0, ALL_UNITS);
    yield;
  }
}

/** Runs a job of scores to its end on this thread and `helpers` workers. */
export function scorePairsTogether(
  job: PairJob,
  owner: Runtime,
  memory: LinearMemory,
  kernels: KernelExports,
  pool: Pool,
  helpers: number,
): void {
  for (const { address, next } of stagedSlices(job, owner, memory, kernels, helpers + 1)) {
    pool.begin(address, next, helpers);
    kernels.run(address, helpers, ALL_UNITS);
    pool.joinSync();
  }
}

/** Runs a job of scores on workers. */
export async function scorePairsOnWorkers(
  job: PairJob,
  owner: Runtime,
  memory: LinearMemory,
  kernels: KernelExports,
  pool: Pool,
  { threads, signal }: { readonly threads: number; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const cut = (): void => pool.cut();
  signal?.addEventListener("abort", cut, { once: true });
  try {
    for (const { address, next } of stagedSlices(job, owner, memory, kernels, threads)) {
      signal?.throwIfAborted();
      pool.begin(address, next, threads);
      await pool.join();
      signal?.throwIfAborted();
    }
  } finally {
    signal?.removeEventListener("abort", cut);
  }
}

/** Slice by slice: tensors are copied in, and scores out when the slice has run. No split changes a bit of a score. */
function* stagedSlices(
  job: PairJob,
  owner: Runtime,
  memory: LinearMemory,
  kernels: KernelExports,
  threads: number,
): Generator<StagedSlice> {
  const { q, k } = job;
  const group = q.heads / k.heads;
  const positions = Math.max(1, Math.floor(Math.min(BLOCK_ROWS, SLICE_FLOATS / q.width) / group));
  const most = Math.max(UNIT_KEYS, Math.min(SLICE_KEYS, Math.floor(SLICE_FLOATS / k.width / UNIT_KEYS) * UNIT_KEYS));
  for (let b = 0; b < q.batch; b++) {
    for (let g = 0; g < k.heads; g++) {
      for (let key = 0; key < k.length; key += most) {
        const keys = Math.min(most, k.length - key);
        for (let from = 0; from < q.length; from += positions) {
          const rows = Math.min(positions, q.length - from);
          yield* stagedSlice(job, { b, g, from, rows, key, keys }, owner, memory, kernels, threads);
        }
      }
    }
  }
}

function* stagedSlice(
  job: PairJob,
  slice: Slice,
  owner: Runtime,
  memory: LinearMemory,
  kernels: KernelExports,
  threads: number,
): Generator<StagedSlice> {
  const { q, k, out, reduce } = job;
  const { b, g, from, rows, key, keys } = slice;
  const group = q.heads / k.heads;
  const outHeads = reduce.kind === "each" ? group : 1;
  const scratch = kernels.scratchFloats(rows * group, q.width, 1, 1, SCRATCH_SCORES);
  const own = [addressIn(owner, q), addressIn(owner, k)] as const;
  const region = new Regions(JOB_BYTES / 4);
  const units = unitsOf(group, rows, keys, threads);
  const unitAt = region.take(units.length);
  const scratchAt = region.take(threads * scratch);
  const lseAt = region.take(group * rows);
  const outAt = region.take(outHeads * rows * keys);
  const qAt = region.take(own[0] === undefined ? group * rows * q.width : 0);
  const kAt = region.take(own[1] === undefined ? keys * k.width : 0);
  const base = memory.allocate(4 * region.floats);
  try {
    const [ints, floats] = [memory.ints(), memory.floats()];
    const word = base / 4;
    const place = (view: Tensor, address: number | undefined, at: number, h: number, row: number, box: Box): Place => {
      const { strides } = view;
      const skip = b * strides.b + h * strides.h + row * strides.n;
      if (address !== undefined) return { address: address + 4 * skip, strides };
      const packed = packedStrides(box, strides);
      copyBox(floats, word + at, packed, floatsOf(view), view.offset + skip, strides, box);
      return { address: base + 4 * at, strides: packed };
    };
    const queries = place(q, own[0], qAt, g * group, from, { batch: 1, heads: group, rows, width: q.width });
    const stored = place(k, own[1], kAt, g, key, { batch: 1, heads: 1, rows: keys, width: k.width });
    const terms = reduce.kind === "mass" ? reduce.lse : reduce.kind === "relu" ? reduce.weights : undefined;
    for (let h = 0; terms !== undefined && h < group; h++) {
      const row = ((b * k.heads + g) * group + h) * q.length + from;
      floats.set(terms.subarray(row, row + rows), word + lseAt + h * rows);
    }
    ints.set(units, word + unitAt);
    ints.fill(0, word, word + JOB_BYTES / 4);
    const fields: Partial<Record<keyof typeof JOB, number>> = {
      q: queries.address,
      qH: queries.strides.h,
      qN: queries.strides.n,
      k: stored.address,
      kN: stored.strides.n,
      out: base + 4 * outAt,
      outH: rows * keys,
      outN: keys,
      lse: base + 4 * lseAt,
      lseH: rows,
      units: base + 4 * unitAt,
      unitCount: units.length / UNIT_INTS,
      scratch: base + 4 * scratchAt,
      scratchFloats: scratch,
      D: q.width,
      E: 1,
      operands: 1,
      keyHi: keys,
      scoring: SCORING[reduce.kind],
    };
    for (const [field, value] of Object.entries(fields)) ints[word + JOB[field as keyof typeof JOB]] = value;
    floats[word + JOB.scale] = job.scale;
    yield { address: base, next: word + JOB.next };
    const head = reduce.kind === "each" ? (b * k.heads + g) * group : b * k.heads + g;
    const to: Strides = { b: 0, h: q.length * k.length, n: k.length };
    const source: Strides = { b: 0, h: rows * keys, n: keys };
    const target = head * to.h + from * to.n + key;
    copyBox(out, target, to, memory.floats(), word + outAt, source, { batch: 1, heads: outHeads, rows, width: keys });
  } finally {
    memory.free(base);
  }
}

/** All rows against ranges of keys: one for a thread, else some for each, so that none waits long for another. */
function unitsOf(group: number, rows: number, keys: number, threads: number): number[] {
  const parts = threads === 1 ? 1 : 3 * threads;
  const width = Math.ceil(keys / parts / UNIT_KEYS) * UNIT_KEYS;
  const units: number[] = [];
  for (let from = 0; from < keys; from += width) {
    units.push(0, 0, group, 0, 0, rows, from, Math.min(keys, from + width), 0, 1, 0, 0);
  }
  return units;
}

interface Place {
  /** Byte address of the first number. */
  readonly address: number;
  readonly strides: Strides;
}
