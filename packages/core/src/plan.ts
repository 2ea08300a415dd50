import type { SoftmaxVariant } from "./job.ts";
import type { Runtime } from "./runtime/runtime.ts";
import { ALL_THREADS, sharedRuntimeSync } from "./runtime/select.ts";
import { pairsInReach } from "./schedule/pairs-in-reach.ts";
import { TASK_INTS, type Schedule } from "./schedule/schedule.ts";
import { checkHeads, checkLength, checkPositions, checkSize, checkWidth, type AttentionShape } from "./shape.ts";
import { biasTensor, maskTensor } from "./tensor.ts";

/** The shape of a call to plan. */
export interface PlanShape {
  /** B. Default 1. */
  readonly batch?: number | undefined;
  /** H */
  readonly heads: number;
  /** G. Default H. */
  readonly kvHeads?: number | undefined;
  /** N */
  readonly queries: number;
  /** M. Default N. */
  readonly keys?: number | undefined;
  /** D */
  readonly headDim: number;
  /** E. Default D. */
  readonly valueDim?: number | undefined;
  /** As in a call. */
  readonly queryOffset?: number | ArrayLike<number> | undefined;
  /** As in a call. */
  readonly keyLengths?: ArrayLike<number> | undefined;
  /** Whether the call has a bias. Default false. */
  readonly bias?: boolean | undefined;
  /** Whether the call has a mask. Default false. */
  readonly mask?: boolean | undefined;
  /** Runtime whose workspace is stated. Default: the shared `auto` one, when it opens synchronously. */
  readonly runtime?: Runtime | undefined;
  /** Default: the available parallelism. */
  readonly threads?: number | undefined;
}

/** What a call costs, known before it runs. */
export interface Plan {
  /** Floating-point operations of the products with K and V over the visible pairs: 2 (D + E) each. */
  readonly flops: number;
  /** Bytes that the kernels read of q, k, v, bias and mask, counting a key as often as a block of rows reads it. */
  readonly bytesRead: number;
  /** Bytes held during the call beyond inputs and outputs. */
  readonly workspaceBytes: number;
  /** Bytes of a decoder's cache for these M keys. */
  readonly cacheBytes: number;
  /** Pairs (query row, key) that are visible, over B and H. */
  readonly visiblePairs: number;
  /** Pairs that the schedule's tasks cover; the difference to `visiblePairs` is the price of blocks. */
  readonly visitedPairs: number;
  /** Whether `visiblePairs` and `flops` are exact. A mask or a bias can only hide more: they are then upper bounds. */
  readonly exact: boolean;
}

/** What no runtime exceeds, for a plan made where none can be opened without waiting. */
const WORKSPACE_BOUND = 48 * 2 ** 20;

/** The cost of a call of a variant, from its schedule. */
export function makePlan(variant: SoftmaxVariant, options: PlanShape): Plan {
  const where = `${variant.name}.plan`;
  const shape = planShape(where, options);
  const at = checkPositions(where, shape, options.queryOffset, options.keyLengths);
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const pairTerms = options.bias === true || options.mask === true;
  const schedule = variant.schedule(shape, at, pairTerms);
  const counted = variant.visibility.mask === undefined;
  const visiblePairs = counted ? heads * pairsInReach(shape, at, variant.visibility.reach) : schedule.visitedPairs;
  const pairBytes = (options.bias === true ? 4 : 0) + (options.mask === true ? 1 : 0);
  return {
    flops: 2 * (headDim + valueDim) * visiblePairs,
    bytesRead:
      4 * (batch * heads * queries * headDim + keysRead(schedule) * (headDim + valueDim)) +
      pairBytes * schedule.visitedPairs,
    workspaceBytes: workspaceBytes(variant, options, shape, schedule),
    cacheBytes: 4 * batch * kvHeads * keys * (headDim + valueDim),
    visiblePairs,
    visitedPairs: schedule.visitedPairs,
    exact: counted && !pairTerms,
  };
}

function planShape(where: string, options: PlanShape): AttentionShape {
  const { heads, queries, headDim } = options;
  const { batch = 1, kvHeads = heads, keys = queries, valueDim = headDim } = options;
  checkSize(where, "batch", batch, 0);
  checkSize(where, "heads", heads, 0);
  checkSize(where, "kvHeads", kvHeads, 0);
  checkHeads(where, "shape", heads, kvHeads);
  checkLength(where, "shape", "N", checkSize(where, "queries", queries, 0));
  checkLength(where, "shape", "M", checkSize(where, "keys", keys, 0));
  checkWidth(where, "shape", "D", checkSize(where, "headDim", headDim, 0));
  checkWidth(where, "shape", "E", checkSize(where, "valueDim", valueDim, 0));
  return { batch, heads, kvHeads, queries, keys, headDim, valueDim };
}

/** Keys that all units together read. */
function keysRead({ lists, listOf }: Schedule): number {
  const perList = lists.map(({ tasks }) => {
    let sum = 0;
    for (let at = 0; at < tasks.length; at += TASK_INTS) sum += tasks[at + 4]!;
    return sum;
  });
  return listOf.reduce((sum, list) => sum + perList[list]!, 0);
}

function workspaceBytes(
  variant: SoftmaxVariant,
  options: PlanShape,
  shape: AttentionShape,
  schedule: Schedule,
): number {
  const { scale, softcap, score, learnedSinks } = variant;
  const scores = {
    scale: scale ?? 1 / Math.sqrt(shape.headDim),
    softcap,
    score,
    learnedSinks,
    bias: options.bias === true ? biasTensor(new Float32Array(0), { shape: [1, 1, 1, 0] }) : undefined,
    mask: options.mask === true ? maskTensor(new Uint8Array(0), { shape: [1, 1, 1, 0] }) : undefined,
  };
  const { runtime = openedForPlan(), threads = ALL_THREADS } = options;
  return runtime?.workspaceBytes({ shape, schedule, scores }, threads) ?? WORKSPACE_BOUND;
}

function openedForPlan(): Runtime | undefined {
  try {
    return sharedRuntimeSync("auto");
  } catch {
    return undefined;
  }
}
