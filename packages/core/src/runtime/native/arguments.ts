import type { CallArguments, StoredArray } from "@saccade/native";
import { packReaches } from "../../schedule/reach.ts";
import { STORED_CODE, storedView } from "../../stored.ts";
import { floatsOf, type BiasTensor, type MaskTensor, type Tensor } from "../../tensor.ts";
import { packPrograms, programsOf } from "../programs.ts";
import type { AttentionJob, StoredRows } from "../runtime.ts";
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
  const { shape, scores, positions, lse, schedule, turned, stored } = job;
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
  numbers[places.keyRows] = job.k.length;
  numbers[places.gathered] = schedule.gathered === true ? 1 : 0;
  putView(numbers, places.q, job.q);
  putView(numbers, places.k, job.k);
  putView(numbers, places.v, job.v);
  putView(numbers, places.out, out);
  if (lse) putStrides(numbers, places.lse, 0, shape.heads * shape.queries, shape.queries, 0);
  if (scores.bias) putView(numbers, places.bias, scores.bias);
  if (scores.mask) putView(numbers, places.mask, scores.mask);
  turned?.forEach((queries, i) => (numbers[places.turned + i] = queries.offset));
  if (stored) {
    numbers[places.keyType] = STORED_CODE[stored.k.type];
    numbers[places.valueType] = STORED_CODE[stored.v.type];
    putStrides(numbers, places.keyScale, 0, shape.kvHeads * job.k.length, job.k.length, 0);
    putStrides(numbers, places.valueScale, 0, shape.kvHeads * job.k.length, job.k.length, 0);
  }
  const { tasks, units } = planUnits(shape, schedule);
  return [
    numbers,
    units,
    tasks,
    positions.queryOffset,
    positions.keyLength,
    schedule.indices,
    packReaches(schedule.reaches),
    packPrograms(programsOf(job)),
    fixed("q", floatsOf(job.q)),
    stored ? numbersOf(job.k, stored.k) : fixed("k", floatsOf(job.k)),
    stored ? numbersOf(job.v, stored.v) : fixed("v", floatsOf(job.v)),
    fixed("out", floatsOf(out)),
    lse,
    scores.bias && fixed("bias", scores.bias.data),
    scores.mask && fixed("mask", scores.mask.data),
    scores.learnedSinks,
    turnedFloats(turned, 0),
    turnedFloats(turned, 1),
    turnedFloats(turned, 2),
    stored?.k.scales?.floats(),
    stored?.v.scales?.floats(),
  ];
}

function turnedFloats(turned: readonly Tensor[] | undefined, index: number): Float32Array | undefined {
  const queries = turned?.[index];
  return queries && fixed("the turned queries", floatsOf(queries));
}

/** A cache's numbers in the type that they are stored in. */
function numbersOf(rows: Tensor, { type }: StoredRows): StoredArray {
  return storedView(type, floatsOf(rows));
}

/** Offset and strides, as every tensor's numbers begin. */
export function putView(
  numbers: Float64Array,
  at: number,
  { offset, strides }: Tensor | BiasTensor | MaskTensor,
): void {
  putStrides(numbers, at, offset, strides.b, strides.h, strides.n);
}

function putStrides(numbers: Float64Array, at: number, offset: number, b: number, h: number, n: number): void {
  numbers[at] = offset;
  numbers[at + 1] = b;
  numbers[at + 2] = h;
  numbers[at + 3] = n;
}

/** The memory of a resizable buffer may shrink away; a growable shared one only grows. */
export function fixed<A extends Float32Array | Uint16Array | Uint8Array>(what: string, array: A): A {
  const { buffer } = array;
  if (buffer instanceof ArrayBuffer && buffer.resizable) {
    throw new TypeError(`native: ${what} lies in a resizable ArrayBuffer, expected one of fixed length`);
  }
  return array;
}
