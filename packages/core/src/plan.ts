import { bytesOfCache } from "./decoder/token-cache.ts";
import type { SoftmaxVariant } from "./job.ts";
import type { Runtime } from "./runtime/runtime.ts";
import { ALL_THREADS, sharedRuntimeSync } from "./runtime/select.ts";
import { pairsInReach } from "./schedule/pairs-in-reach.ts";
import { visiblePairs } from "./schedule/visible-pairs.ts";
import type { StoredType } from "./stored.ts";
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
  /** How a decoder stores keys and values. Default "f32". */
  readonly dtype?: StoredType | undefined;
  /** Tokens that a decoder may take back, where its cache keeps the last ones only. Default 0. */
  readonly rewindable?: number | undefined;
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
  /** Bytes of a decoder's cache that takes these M tokens. */
  readonly cacheBytes: number;
  /**
   * Pairs (query row, key) that are visible, over B and H. In closed form for ranges of keys; what a mask expression leaves open is counted
   * when this or `flops` is first read.
   */
  readonly visiblePairs: number;
  /** Pairs that the schedule's tasks cover; the difference to `visiblePairs` is the price of blocks. */
  readonly visitedPairs: number;
  /** The share of all pairs that the schedule's tasks cover. */
  readonly density: number;
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
  const { batch, heads, queries, keys, headDim, valueDim } = shape;
  const pairTerms = options.bias === true || options.mask === true;
  const schedule = variant.schedule(shape, at, pairTerms);
  const { reach, mask, listed } = variant.visibility;
  const pairBytes = (options.bias === true ? 4 : 0) + (options.mask === true ? 1 : 0);
  let visible: number | undefined;
  return {
    get flops() {
      return 2 * (headDim + valueDim) * this.visiblePairs;
    },
    bytesRead:
      4 * (batch * heads * queries * headDim + keysRead(schedule) * (headDim + valueDim)) +
      pairBytes * schedule.visitedPairs,
    workspaceBytes: workspaceBytes(variant, options, shape, schedule),
    cacheBytes: cacheBytes(variant, options, shape),
    get visiblePairs() {
      const closed = mask === undefined && listed === undefined;
      visible ??= closed ? heads * pairsInReach(shape, at, reach) : visiblePairs(schedule, shape, at);
      return visible;
    },
    visitedPairs: schedule.visitedPairs,
    density: ratio(schedule.visitedPairs, batch * heads * queries * keys),
    exact: !pairTerms,
  };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function cacheBytes({ retention }: SoftmaxVariant, options: PlanShape, shape: AttentionShape): number {
  const { dtype = "f32", rewindable = 0 } = options;
  const rows = retention === undefined ? shape.keys : retention.sinks + retention.recent + rewindable;
  return bytesOfCache({ ...shape, rows: Math.min(shape.keys, rows), dtype });
}

/** The sizes of a call to plan, checked. */
export function planShape(where: string, options: PlanShape): AttentionShape {
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
export function keysRead({ lists, listOf }: Schedule): number {
  const perList = lists.map(({ tasks }) => {
    let sum = 0;
    for (let at = 0; at < tasks.length; at += TASK_INTS) sum += tasks[at + 4]!;
    return sum;
  });
  return listOf.reduce((sum, list) => sum + perList[list]!, 0);
}

/** Bytes that a call over a schedule holds beyond inputs and outputs. */
export function workspaceBytes(
  variant: Pick<SoftmaxVariant, "scale" | "softcap" | "score" | "learnedSinks" | "turning">,
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
  const operands = variant.turning?.queries.length ?? 1;
  const turned = { length: operands - 1 };
  const call = runtime?.workspaceBytes({ shape, schedule, scores, turned }, threads) ?? WORKSPACE_BOUND;
  return call + (variant.turning === undefined ? 0 : turnedBytes(shape, operands));
}

/** Turned queries and keys are copies. */
function turnedBytes({ batch, heads, kvHeads, queries, keys, headDim }: AttentionShape, operands: number): number {
  return 4 * batch * headDim * (operands * heads * queries + kvHeads * keys);
}

function openedForPlan(): Runtime | undefined {
  try {
    return sharedRuntimeSync("auto");
  } catch {
    return undefined;
  }
}
