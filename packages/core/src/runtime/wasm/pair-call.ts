import { BLOCK_ROWS } from "../../schedule/schedule.ts";
import { floatsOf, type Strides, type Tensor } from "../../tensor.ts";
import { SCORING } from "../pair-units.ts";
import type { PairJob, Runtime } from "../runtime.ts";
import { UNIT_INTS } from "../units.ts";
import { copyBox, packedStrides, type Box } from "./copies.ts";
import { JOB, JOB_BYTES } from "./job-layout.ts";
import type { KernelExports } from "./kernel-instance.ts";
import type { LinearMemory } from "./linear-memory.ts";
import { Regions } from "./regions.ts";
import { addressIn } from "./wasm-buffer.ts";

/** Keys of a slice: with all of its rows a few milliseconds of work, and 2 MB of scores. */
const SLICE_KEYS = 1024;
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

/** Runs a job of scores slice by slice on this thread, and stops after each; tensors and scores pass through linear memory. */
export function* scorePairsInMemory(
  job: PairJob,
  owner: Runtime,
  memory: LinearMemory,
  kernels: KernelExports,
): Generator<void> {
  const { q, k } = job;
  const positions = Math.max(1, Math.floor(BLOCK_ROWS / (q.heads / k.heads)));
  for (let b = 0; b < q.batch; b++) {
    for (let g = 0; g < k.heads; g++) {
      for (let key = 0; key < k.length; key += SLICE_KEYS) {
        const keys = Math.min(SLICE_KEYS, k.length - key);
        for (let from = 0; from < q.length; from += positions) {
          const rows = Math.min(positions, q.length - from);
          runSlice(job, { b, g, from, rows, key, keys }, owner, memory, kernels);
          yield;
        }
      }
    }
  }
}

function runSlice(job: PairJob, slice: Slice, owner: Runtime, memory: LinearMemory, kernels: KernelExports): void {
  const { q, k, out, reduce } = job;
  const { b, g, from, rows, key, keys } = slice;
  const group = q.heads / k.heads;
  const outHeads = reduce.kind === "each" ? group : 1;
  const scratch = kernels.scratchFloats(rows * group, q.width, 1, 1, SCRATCH_SCORES);
  const own = [addressIn(owner, q), addressIn(owner, k)] as const;
  const region = new Regions(JOB_BYTES / 4);
  const unitAt = region.take(UNIT_INTS);
  const scratchAt = region.take(scratch);
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
    ints.set([0, 0, group, 0, 0, rows, 0, keys, 0, 1, 0, 0], word + unitAt);
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
      unitCount: 1,
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
    kernels.run(base, 0, ALL_UNITS);
    const head = reduce.kind === "each" ? (b * k.heads + g) * group : b * k.heads + g;
    const to: Strides = { b: 0, h: q.length * k.length, n: k.length };
    const source: Strides = { b: 0, h: rows * keys, n: keys };
    const target = head * to.h + from * to.n + key;
    copyBox(out, target, to, memory.floats(), word + outAt, source, { batch: 1, heads: outHeads, rows, width: keys });
  } finally {
    memory.free(base);
  }
}

interface Place {
  /** Byte address of the first number. */
  readonly address: number;
  readonly strides: Strides;
}
