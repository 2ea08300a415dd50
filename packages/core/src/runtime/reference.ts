import { referenceRow } from "../reference.ts";
import { floatsOf } from "../tensor.ts";
import { widenedRows } from "../widened-rows.ts";
import { pause } from "./pause.ts";
import { rotateReference } from "./rotate-reference.ts";
import type { AttentionJob, RunInfo, Runtime, RuntimeBuffer } from "./runtime.ts";

/** How long rows are computed before the event loop gets a turn. */
const SLICE_MS = 8;

/** The definition as a runtime: float64 inside, rounded to f32 at the end. Always there, always slow. */
export function openReference(): Runtime {
  const info: RunInfo = { runtime: "reference", instructionSet: "float64", threads: 1, notTaken: [] };
  const runtime: Runtime = {
    name: "reference",
    info: () => info,
    async attend(given, { signal }) {
      signal?.throwIfAborted();
      const job = widened(given);
      const rows = rowCount(job);
      let since = performance.now();
      for (let row = 0; row < rows; row++) {
        writeRow(job, row);
        if (performance.now() - since < SLICE_MS) continue;
        await pause();
        signal?.throwIfAborted();
        since = performance.now();
      }
      return info;
    },
    attendSync(given) {
      const job = widened(given);
      const rows = rowCount(job);
      for (let row = 0; row < rows; row++) writeRow(job, row);
      return info;
    },
    rotateSync: rotateReference,
    allocate: (length) => arrayBuffer(runtime, length),
    workspaceBytes: ({ shape }) => 8 * (3 * shape.keys + shape.valueDim),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return runtime;
}

/** A runtime buffer in ordinary memory, for runtimes that read the caller's arrays in place. */
export function arrayBuffer(owner: Runtime, length: number): RuntimeBuffer {
  let array = new Float32Array(length);
  return {
    owner,
    length,
    floats: () => array,
    free() {
      array = new Float32Array(0);
    },
  };
}

/** Keys and values as f32, whatever they are stored as. */
function widened(job: AttentionJob): AttentionJob {
  if (job.stored === undefined) return job;
  return { ...job, k: widenedRows(job.k, job.stored.k), v: widenedRows(job.v, job.stored.v), stored: undefined };
}

function rowCount({ shape }: AttentionJob): number {
  return shape.batch * shape.heads * shape.queries;
}

function writeRow(job: AttentionJob, row: number): void {
  const { heads, queries, valueDim } = job.shape;
  const { out } = job;
  const exact = new Float64Array(valueDim);
  const lse = referenceRow(job, row, exact);
  const i = row % queries;
  const h = Math.floor(row / queries) % heads;
  const b = Math.floor(row / queries / heads);
  floatsOf(out).set(exact, out.offset + b * out.strides.b + h * out.strides.h + i * out.strides.n);
  if (job.lse) job.lse[row] = lse;
}
