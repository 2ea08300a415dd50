import type { AttentionInputs, Selection, SyncForwardOptions } from "./attention.ts";
import type { AttentionJob, Reach, ScoreTerms } from "./runtime/runtime.ts";
import type { Schedule } from "./schedule/schedule.ts";
import { checkOut, checkPairTensor, checkPositions, checkTensors, type AttentionShape } from "./shape.ts";
import { contiguous, type Tensor } from "./tensor.ts";

/** What a variant of softmax attention has to say; the rest is the same for all of them. */
export interface SoftmaxVariant {
  readonly name: string;
  readonly selection: Selection;
  /** Keys after the query's own position that it may see; Infinity for all. */
  readonly ahead: number;
  /** Keys before the query's own position that it may see; Infinity for all. */
  readonly back: number;
  /** Factor on q . k. Default 1/sqrt(D). */
  readonly scale: number | undefined;
  /** c in c tanh(s / c); 0 for none. */
  readonly softcap: number;
  /** [H] */
  readonly learnedSinks: Float32Array | undefined;
  /** Which rows meet which keys. `pairTerms`: a mask or bias may hide any pair. */
  readonly schedule: (shape: AttentionShape, reach: Reach, pairTerms: boolean) => Schedule;
}

/** A call as a job: checked, with its schedule, and with room for the result. */
export function makeJob(
  where: string,
  variant: SoftmaxVariant,
  inputs: AttentionInputs,
  options: SyncForwardOptions | undefined,
): AttentionJob {
  const shape = checkInputs(where, inputs);
  const { q, k, v } = inputs;
  const reach = reachOf(where, variant, shape, inputs);
  const scores = scoresOf(where, variant, shape, inputs, options);
  const pairTerms = scores.bias !== undefined || scores.mask !== undefined;
  if (options?.out !== undefined) checkOut(where, options.out, shape, [q, k, v]);
  const out = options?.out ?? emptyOut(shape, q);
  const wantsLse = options?.lse === true || options?.partial === true;
  const lse = wantsLse ? new Float32Array(shape.batch * shape.heads * shape.queries) : undefined;
  return { shape, q, k, v, out, lse, schedule: variant.schedule(shape, reach, pairTerms), scores, reach };
}

/** The call's sizes, once everything in it fits together. */
export function checkInputs(where: string, inputs: AttentionInputs): AttentionShape {
  const shape = checkTensors(where, inputs.q, inputs.k, inputs.v);
  checkPairTensor(where, "bias", inputs.bias, shape);
  checkPairTensor(where, "mask", inputs.mask, shape);
  return shape;
}

export function reachOf(where: string, variant: SoftmaxVariant, shape: AttentionShape, inputs: AttentionInputs): Reach {
  const { queryOffset, keyLength } = checkPositions(where, shape, inputs.queryOffset, inputs.keyLengths);
  return { queryOffset, keyLength, ahead: variant.ahead, back: variant.back };
}

export function scoresOf(
  where: string,
  variant: SoftmaxVariant,
  shape: AttentionShape,
  inputs: AttentionInputs,
  options: { readonly partial?: boolean | undefined } | undefined,
): ScoreTerms {
  const { learnedSinks } = variant;
  if (learnedSinks !== undefined && learnedSinks.length !== shape.heads) {
    throw new RangeError(`${where}: learnedSinks has ${learnedSinks.length} logits, q has H = ${shape.heads}`);
  }
  return {
    scale: variant.scale ?? 1 / Math.sqrt(shape.headDim),
    softcap: variant.softcap,
    bias: inputs.bias,
    mask: inputs.mask,
    learnedSinks: options?.partial === true ? undefined : learnedSinks,
  };
}

function emptyOut(shape: AttentionShape, { layout }: Tensor): Tensor {
  const { batch, heads, queries, valueDim } = shape;
  return {
    data: new Float32Array(batch * heads * queries * valueDim),
    batch,
    heads,
    length: queries,
    width: valueDim,
    layout,
    offset: 0,
    strides: contiguous(layout, heads, queries, valueDim),
  };
}

