import type { RotationJob } from "../../rotation.ts";
import { rotationSlices } from "../rotate-slices.ts";
import type { Runtime } from "../runtime.ts";
import { floatsOf, type Strides, type Tensor } from "../../tensor.ts";
import { copyBox, packedStrides, type Box } from "./copies.ts";
import type { KernelExports } from "./kernel-instance.ts";
import type { LinearMemory } from "./linear-memory.ts";
import { addressIn } from "./wasm-buffer.ts";

/** Numbers that are in linear memory at a time: they stay in the second cache between copies. */
const SLICE_FLOATS = 1 << 16;
/** Words of `Rotation` in rotation.h: on wasm32 pointers, sizes and integers all have four bytes. */
const ROTATION_WORDS = 20;

/**
 * Runs a rotation, slice by slice. Tensors in linear memory are read and written where they are; others pass through it. Tables are
 * gathered in the order of a slice's tokens, so that linear memory holds no more of them than a slice needs.
 */
export function rotateInMemory(job: RotationJob, owner: Runtime, memory: LinearMemory, kernels: KernelExports): void {
  for (const slice of rotationSlices(job, SLICE_FLOATS)) rotateSlice(slice, owner, memory, kernels);
}

interface Place {
  /** Byte address of the first number. */
  readonly address: number;
  readonly strides: Strides;
}

function rotateSlice(job: RotationJob, owner: Runtime, memory: LinearMemory, kernels: KernelExports): void {
  const { from, to, rotation } = job;
  const box: Box = { batch: from.batch, heads: from.heads, rows: from.length, width: from.width };
  const table = (box.rows * rotation.rotaryDim) / 2;
  const [fromAddress, toAddress] = [addressIn(owner, from), addressIn(owner, to)];
  const packed = toAddress === undefined ? box.batch * box.heads * box.rows * box.width : 0;
  const base = memory.allocate(4 * (ROTATION_WORDS + 2 * table + packed));
  try {
    const cosines = base + 4 * ROTATION_WORDS;
    const sines = cosines + 4 * table;
    gatherTable(rotation.cos, job, memory.floats(), cosines / 4);
    gatherTable(rotation.sin, job, memory.floats(), sines / 4);
    const target: Place =
      toAddress === undefined
        ? { address: sines + 4 * table, strides: packedStrides(box, to.strides) }
        : { address: toAddress, strides: to.strides };
    if (fromAddress === undefined) copyIn(memory, target, from, box);
    const source = fromAddress === undefined ? target : { address: fromAddress, strides: from.strides };
    writeRotation(memory.ints(), base / 4, job, source, target, cosines, sines);
    kernels.rotate(base);
    if (toAddress === undefined) copyOut(memory, to, target, box);
  } finally {
    memory.free(base);
  }
}

/** The rows of a table that a slice's tokens need, in their order. */
function gatherTable(
  rows: Float32Array,
  { from, rotation, positions, offset }: RotationJob,
  to: Float32Array,
  at: number,
): void {
  const half = rotation.rotaryDim / 2;
  if (positions === undefined) {
    to.set(rows.subarray(offset * half, (offset + from.length) * half), at);
    return;
  }
  for (let n = 0; n < from.length; n++) {
    to.set(rows.subarray(positions[n]! * half, (positions[n]! + 1) * half), at + n * half);
  }
}

function copyIn(memory: LinearMemory, to: Place, from: Tensor, box: Box): void {
  copyBox(memory.floats(), to.address / 4, to.strides, floatsOf(from), from.offset, from.strides, box);
}

function copyOut(memory: LinearMemory, to: Tensor, from: Place, box: Box): void {
  copyBox(floatsOf(to), to.offset, to.strides, memory.floats(), from.address / 4, from.strides, box);
}

function writeRotation(
  words: Int32Array,
  at: number,
  { from, rotation }: RotationJob,
  source: Place,
  target: Place,
  cosines: number,
  sines: number,
): void {
  const interleaved = rotation.pairs === "interleaved" ? 1 : 0;
  const pointers = [source.address, target.address, cosines, sines, 0];
  const strides = [source, target].flatMap((place) => [place.strides.b, place.strides.h, place.strides.n]);
  const sizes = [from.batch, from.heads, from.length, from.width, rotation.rotaryDim, from.length, 0, interleaved];
  words.set([...pointers, ...strides, 0, ...sizes], at);
}
