import type { AttentionInputs, Selection, SyncForwardOptions } from "./attention.ts";
import type { ReferenceJob } from "./reference.ts";
import type { Retention } from "./decoder/retention.ts";
import type { Score } from "./expression/expression.ts";
import type { AttentionJob, ScoreTerms, Visibility } from "./runtime/runtime.ts";
import type { Schedule } from "./schedule/schedule.ts";
import {
  checkOut,
  checkPairTensor,
  checkPositions,
  checkTensors,
  type AttentionShape,
  type Positions,
} from "./shape.ts";
import { contiguous, type Tensor } from "./tensor.ts";
import type { Turning } from "./turning.ts";

/** What a variant of softmax attention has to say; the rest is the same for all of them. */
export interface SoftmaxVariant {
  readonly name: string;
  readonly selection: Selection;
  /** Which pairs are visible: the definition. */
  readonly visibility: Visibility;
  /** Queries and keys come unturned, and are turned by the call. Default: they are taken as they are. */
  readonly turning?: Turning | undefined;
  /** Which operand a pair takes, by query position and key: the definition. Default the first. */
  readonly operandOf?: ((q: number, k: number) => number) | undefined;
  /** Keys that queries can see again, where these are not all: a decoder keeps no others. */
  readonly retention?: Retention | undefined;
  /** What becomes of a score after the softcap. Default: nothing. */
  readonly score?: Score | undefined;
  /** Factor on q . k. Default 1/sqrt(D). */
  readonly scale: number | undefined;
  /** c in c tanh(s / c); 0 for none. */
  readonly softcap: number;
  /** [H] */
  readonly learnedSinks: Float32Array | undefined;
  /** Which rows meet which keys, so that all visible pairs do. `pairTerms`: a mask or bias may hide any pair. */
  readonly schedule: (shape: AttentionShape, at: Positions, pairTerms: boolean) => Schedule;
}

/** What defines a call's result, once everything in it fits together. */
export function checkCall(
  where: string,
  variant: Pick<SoftmaxVariant, "visibility" | "score" | "scale" | "softcap" | "learnedSinks" | "operandOf">,
  inputs: AttentionInputs,
  partial: boolean,
): ReferenceJob {
  const { q, k, v, bias, mask } = inputs;
  const shape = checkTensors(where, q, k, v);
  checkPairTensor(where, "bias", bias, shape);
  checkPairTensor(where, "mask", mask, shape);
  const { visibility, operandOf } = variant;
  const scores = scoresOf(where, variant, shape, { bias, mask, partial });
  const positions = checkPositions(where, shape, inputs.queryOffset, inputs.keyLengths);
  return {
    shape,
    q,
    k,
    v,
    positions,
    visibility,
    operandOf,
    scores,
  };
}

/** What happens to the scores of a call of a variant. Partial results leave learned sinks out. */
export function scoresOf(
  where: string,
  variant: Pick<SoftmaxVariant, "score" | "scale" | "softcap" | "learnedSinks">,
  { heads, headDim }: Pick<AttentionShape, "heads" | "headDim">,
  { bias, mask, partial }: Pick<AttentionInputs, "bias" | "mask"> & { readonly partial: boolean },
): ScoreTerms {
  const { score, scale = 1 / Math.sqrt(headDim), softcap, learnedSinks } = variant;
  if (learnedSinks !== undefined && learnedSinks.length !== heads) {
    throw new RangeError(`${where}: learnedSinks has ${learnedSinks.length} logits, q has H = ${heads}`);
  }
  return { scale, softcap, score, bias, mask, learnedSinks: partial ? undefined : learnedSinks };
}

/** A call as a job: checked, with its schedule, and with room for the result. */
export function makeJob(
  where: string,
  variant: SoftmaxVariant,
  inputs: AttentionInputs,
  options: SyncForwardOptions | undefined,
): AttentionJob {
  return jobOf(where, variant, checkCall(where, variant, inputs, options?.partial === true), options);
}

/** A checked call as a job, with its schedule, and with room for the result. */
export function jobOf(
  where: string,
  variant: SoftmaxVariant,
  call: ReferenceJob,
  options: SyncForwardOptions | undefined,
): AttentionJob {
  const { shape, positions, scores } = call;
  const pairTerms = scores.bias !== undefined || scores.mask !== undefined;
  const room = roomFor(where, call, options);
  return { ...call, ...room, schedule: variant.schedule(shape, positions, pairTerms) };
}

/** Where a call writes: what the caller gave, or new arrays. */
export function roomFor(
  where: string,
  { shape, q, k, v }: Pick<ReferenceJob, "shape" | "q" | "k" | "v">,
  options: SyncForwardOptions | undefined,
): Pick<AttentionJob, "out" | "outIsNew" | "lse"> {
  if (options?.out !== undefined) checkOut(where, options.out, shape, [q, k, v]);
  const out = options?.out ?? emptyOut(shape, q);
  const wantsLse = options?.partial === true || options?.lse === true;
  const lse = wantsLse ? new Float32Array(shape.batch * shape.heads * shape.queries) : undefined;
  return { out, outIsNew: options?.out === undefined, lse };
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
