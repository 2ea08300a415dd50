import type { CallArguments } from "@saccade/native";
import { floatsOf, type BiasTensor, type MaskTensor, type Tensor } from "../../tensor.ts";
import type { AttentionJob } from "../runtime.ts";
import { planUnits } from "../units.ts";
import type { NativePackage } from "./addon.ts";

type Places = NativePackage["NUMBERS"];

/** A job as the addon takes it. `out` replaces the job's own when given; `numbers` is filled and may be used again afterwards. */
export function callArguments(
  job: AttentionJob,
  out: Tensor,
  isa: number,
  threads: number,
  places: Places,
  numbers: Float64Array,
): CallArguments {
  const { shape, scores, reach, lse } = job;
  numbers.fill(0);
  numbers[places.isa] = isa;
  numbers[places.threads] = threads;
  numbers[places.B] = shape.batch;
  numbers[places.H] = shape.heads;
  numbers[places.G] = shape.kvHeads;
  numbers[places.N] = shape.queries;
  numbers[places.M] = shape.keys;
  numbers[places.D] = shape.headDim;
  numbers[places.E] = shape.valueDim;
  numbers[places.scale] = scores.scale;
  numbers[places.softcap] = scores.softcap;
  numbers[places.ahead] = reach.ahead;
  numbers[places.back] = reach.back;
  putView(numbers, places.q, job.q);
  putView(numbers, places.k, job.k);
  putView(numbers, places.v, job.v);
  putView(numbers, places.out, out);
  if (lse) putStrides(numbers, places.lse, 0, shape.heads * shape.queries, shape.queries, 0);
  if (scores.bias) putView(numbers, places.bias, scores.bias);
  if (scores.mask) putView(numbers, places.mask, scores.mask);
  const { tasks, units } = planUnits(shape, job.schedule);
  return [
    numbers,
    units,
    tasks,
    reach.queryOffset,
    reach.keyLength,
    fixed("q", floatsOf(job.q)),
    fixed("k", floatsOf(job.k)),
    fixed("v", floatsOf(job.v)),
    fixed("out", floatsOf(out)),
    lse,
    scores.bias && fixed("bias", scores.bias.data),
    scores.mask && fixed("mask", scores.mask.data),
    scores.learnedSinks,
  ];
}

function putView(numbers: Float64Array, at: number, { offset, strides }: Tensor | BiasTensor | MaskTensor): void {
  putStrides(numbers, at, offset, strides.b, strides.h, strides.n);
}

function putStrides(numbers: Float64Array, at: number, offset: number, b: number, h: number, n: number): void {
  numbers[at] = offset;
  numbers[at + 1] = b;
  numbers[at + 2] = h;
  numbers[at + 3] = n;
}

/** The memory of a resizable buffer may shrink away; a growable shared one only grows. */
function fixed<A extends Float32Array | Uint8Array>(what: string, array: A): A {
  const { buffer } = array;
  if (buffer instanceof ArrayBuffer && buffer.resizable) {
    throw new TypeError(`native: ${what} lies in a resizable ArrayBuffer, expected one of fixed length`);
  }
  return array;
}
