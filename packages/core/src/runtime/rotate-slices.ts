import type { RotationJob } from "../rotation.ts";
import { checkExtent, type Tensor } from "../tensor.ts";
import { pause } from "./pause.ts";
import type { Runtime } from "./runtime.ts";

/** When this has passed, the event loop gets a turn. */
const TURN_MS = 8;
/** Numbers between two looks at the clock: 4 ms of the slowest runtime. */
const SLICE_FLOATS = 1 << 18;

/** Runs a rotation on this thread and gives the event loop a turn in time. */
export async function rotateInTurns(
  where: string,
  runtime: Runtime,
  job: RotationJob,
  signal: AbortSignal | undefined,
): Promise<void> {
  let turn = performance.now();
  for (const slice of rotationSlices(job, SLICE_FLOATS)) {
    if (performance.now() - turn >= TURN_MS) {
      await pause();
      signal?.throwIfAborted();
      checkExtent(where, "x", job.from);
      checkExtent(where, "out", job.to);
      turn = performance.now();
    }
    runtime.rotateSync(slice);
  }
}

/** A rotation as rotations of at most `floats` numbers each, but of at least one token with all its heads. */
export function* rotationSlices(job: RotationJob, floats: number): Generator<RotationJob> {
  const { from, to, positions, positionStride, offset } = job;
  const { batch, heads, length, width } = from;
  if (batch === 0 || heads === 0 || length === 0) return;
  const shared = batch === 1 || positionStride === 0;
  if (shared && batch * heads * length * width <= floats) {
    yield job;
    return;
  }
  const tokens = Math.max(1, Math.floor(floats / (heads * width)));
  for (let b = 0; b < batch; b++) {
    for (let n = 0; n < length; n += tokens) {
      const count = Math.min(tokens, length - n);
      const first = b * positionStride + n;
      yield {
        ...job,
        from: tokensOf(from, b, n, count),
        to: tokensOf(to, b, n, count),
        positions: positions?.subarray(first, first + count),
        positionStride: 0,
        offset: offset + n,
      };
    }
  }
}

function tokensOf(view: Tensor, b: number, n: number, length: number): Tensor {
  return { ...view, batch: 1, length, offset: view.offset + b * view.strides.b + n * view.strides.n };
}
