import { checkRotation, type Rotation, type RotationJob, type TokenPositions } from "./rotation.ts";
import { rotateInTurns } from "./runtime/rotate-slices.ts";
import type { RunInfo, Runtime } from "./runtime/runtime.ts";
import { readyRuntime, sharedRuntime, sharedRuntimeSync, withReasons, type RuntimeChoice } from "./runtime/select.ts";
import { checkTensor } from "./shape.ts";
import { contiguous, describe, type Tensor } from "./tensor.ts";

export interface SyncRotateOptions {
  /** [N], or [B, N] one batch element after the other. Default: offset, offset + 1, ... */
  readonly positions?: ArrayLike<number> | undefined;
  /** Position of token 0 where no `positions` are given. Default 0. */
  readonly offset?: number | undefined;
  /** Write into this tensor [B, H, N, D]: `x` itself, or one that shares nothing with it. Default: a new array in the layout of x. */
  readonly out?: Tensor | undefined;
  /** Default "auto": native where it loads, else wasm. */
  readonly runtime?: RuntimeChoice | undefined;
}

export interface RotateOptions extends SyncRotateOptions {
  /** Cancels: the call rejects with `signal.reason`; `out` is then written in part. */
  readonly signal?: AbortSignal | undefined;
}

export interface RotateResult extends RunInfo {
  /** [B, H, N, D] in the layout of x (or the tensor given as `out`). */
  readonly out: Tensor;
}

/**
 * Turns the pairs of every row of `x` by the angles of its position, on one thread that gives the event loop a turn at least every 16 ms.
 *
 * @param x [B, H, N, D] or [B, N, H, D], queries or keys.
 * @returns the same bits however the work is divided into turns.
 * @throws TypeError and RangeError (as a rejection) for sizes that do not fit and for positions beyond the rotation's.
 */
export async function rotate(x: Tensor, rotation: Rotation, options: RotateOptions = {}): Promise<RotateResult> {
  options.signal?.throwIfAborted();
  const choice = options.runtime ?? "auto";
  const job = makeRotationJob("rotate", x, rotation, options);
  const runtime = readyRuntime(choice) ?? (await sharedRuntime(choice));
  await rotateInTurns("rotate", runtime, job, options.signal);
  return { out: job.to, ...withReasons(choice, runtime.info(1)) };
}

/** `rotate` for small work, to the end before it returns. */
export function rotateSync(x: Tensor, rotation: Rotation, options: SyncRotateOptions = {}): RotateResult {
  const choice = options.runtime ?? "auto";
  const job = makeRotationJob("rotateSync", x, rotation, options);
  const runtime = sharedRuntimeSync(choice);
  if (!isEmpty(job)) runtime.rotateSync(job);
  return { out: job.to, ...withReasons(choice, runtime.info(1)) };
}

/**
 * Rotates `from` into `to` to the end before it returns: for caches that store rotated keys. A buffer of the runtime is written in place.
 *
 * @param to [B, H, N, D] as `from`: the same view, or one that shares nothing with it.
 * @throws TypeError and RangeError for sizes that do not fit and for positions beyond the rotation's.
 */
export function rotateInto(
  runtime: Runtime,
  from: Tensor,
  to: Tensor,
  rotation: Rotation,
  positions: TokenPositions,
): void {
  const job = checkRotation("rotateInto", from, to, rotation, positions);
  if (!isEmpty(job)) runtime.rotateSync(job);
}

function makeRotationJob(where: string, x: Tensor, rotation: Rotation, options: SyncRotateOptions): RotationJob {
  checkTensor(where, "x", x);
  const { batch, heads, length, width, layout } = x;
  const out = options.out ?? {
    ...x,
    data: new Float32Array(batch * heads * length * width),
    offset: 0,
    strides: contiguous(layout, heads, length, width),
  };
  return checkRotation(where, x, out, rotation, positionsOf(where, options));
}

/** A copy: the caller may change the list while a call is under way. */
function positionsOf(where: string, { positions, offset }: SyncRotateOptions): TokenPositions {
  if (positions === undefined) return offset ?? 0;
  if (offset !== undefined) throw new TypeError(`${where}: both positions and offset are given, expected one of them`);
  const list = new Int32Array(positions.length);
  for (let i = 0; i < list.length; i++) {
    const position = positions[i]!;
    if (!Number.isInteger(position) || position < 0 || position > 2 ** 31 - 1) {
      throw new RangeError(`${where}: positions[${i}] is ${describe(position)}, expected an integer of at least 0`);
    }
    list[i] = position;
  }
  return list;
}

function isEmpty({ to }: RotationJob): boolean {
  return to.batch === 0 || to.heads === 0 || to.length === 0;
}
