import type {
  AttentionInputs,
  AttentionResult,
  ForwardOptions,
  PlanShape,
  ReferenceResult,
  SelectedForwardOptions,
  SelectedMass,
  SelectedPairs,
  SelectedPlan,
  SelectedResultFor,
  SelectedSyncForwardOptions,
} from "@saccade/core";
import {
  attend,
  checkCall,
  cut,
  jobResult,
  massOf,
  measureMass,
  partOf,
  roomFor,
  run,
  runSync,
  sampledQueries,
  sharedRuntime,
  sharedRuntimeSync,
  softmaxReference,
  type AttentionJob,
  type CallPart,
  type ReferenceJob,
  type Steps,
} from "@saccade/core/variants";
import { checkWhole } from "./checks.ts";
import { commonTerms, type CommonOptions } from "./common-options.ts";
import { exactVerticalSlash } from "./exact-vertical-slash.ts";
import { patternOf, type Pattern } from "./pattern.ts";
import { perHead } from "./per-head.ts";
import { softmaxRows } from "./softmax-rows.ts";
import {
  crossPairs,
  FORCED,
  VerticalSlashSums,
  type VerticalSlashCounts,
  type VerticalSlashLists,
} from "./vertical-slash-lists.ts";
import { verticalSlash } from "./vertical-slash.ts";

export interface EstimateVerticalSlashOptions extends Omit<CommonOptions, "score"> {
  /** Queries at the end of a prompt that stand for all of them. Default 64. */
  readonly lastQueries?: number | undefined;
  /** Columns of a head, the first 30 among them. */
  readonly verticals: number;
  /** Diagonals of a head, the last 30 among them: the keys at distance 0 to 29. */
  readonly slashes: number;
}

/** What was found for every batch element and query head, [B][H]. */
export type VerticalSlashEstimate = readonly (readonly VerticalSlashLists[])[];

/** Attention over columns and diagonals that are found in the prompt itself. */
export interface PromptAttention {
  readonly name: string;
  readonly selection: "prompt";
  forward<const O extends SelectedForwardOptions = SelectedForwardOptions>(
    inputs: AttentionInputs,
    options?: O,
  ): Promise<SelectedResultFor<O> & { readonly estimate: VerticalSlashEstimate }>;
  forwardSync<const O extends SelectedSyncForwardOptions = SelectedSyncForwardOptions>(
    inputs: AttentionInputs,
    options?: O,
  ): SelectedResultFor<O> & { readonly estimate: VerticalSlashEstimate };
  /** The estimate alone. `perHead(estimate[b].map(verticalSlash))` runs it. */
  estimate(
    inputs: AttentionInputs,
    options?: Pick<ForwardOptions, "runtime" | "threads" | "signal">,
  ): Promise<VerticalSlashEstimate>;
  /** What a call may cost: the forced columns and diagonals, and the others spread evenly. Never exact. */
  plan(shape: PlanShape): SelectedPlan;
  /** float64. `estimate`: what `estimate` returned, instead of one in float64: sums that nearly tie may order differently there. */
  reference(
    inputs: AttentionInputs,
    options?: { readonly partial?: boolean | undefined; readonly estimate?: VerticalSlashEstimate | undefined },
  ): ReferenceResult;
}

const NAME = "estimateVerticalSlash";
const CAUSAL = { ahead: 0, back: Infinity };

/**
 * Causal attention over the columns and diagonals of every head that hold most of what the prompt's last queries attend to (MInference,
 * Jiang et al. 2024):
 *
 * ```text
 *   P            = causal softmax(scale Q K) of the last `lastQueries` queries, exact
 *   column(k)    = sum over these queries of P(q, k)
 *   diagonal(d)  = sum over these queries of P(q, q - d)
 *   visible(q, k) = k <= q and (k in the largest columns or q - k in the largest diagonals)
 * ```
 *
 * The first 30 columns and the last 30 diagonals are always taken, and count; of equal sums the lower wins. Attending is `verticalSlash`'s,
 * exactly, head by head. Scores of the estimate are only scaled: a softcap, a bias or a mask belong to attending.
 *
 * Estimating costs 4 D operations for every key, head and one of the last queries, and their exponentials: `lastQueries` rows of dense attention, and
 * no memory that grows with N x M. What every query sees depends on the last ones: there is no decoder, and calls over parts of a prompt estimate
 * each for itself.
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example
 * const attend = estimateVerticalSlash({ lastQueries: 64, verticals: 1000, slashes: 200 });
 * const { out, estimate } = await attend.forward({ q, k, v });
 */
export function estimateVerticalSlash(options: EstimateVerticalSlashOptions): PromptAttention {
  const lastQueries = checkWhole(`${NAME}: lastQueries`, options.lastQueries ?? 64, 1);
  const verticals = checkWhole(`${NAME}: verticals`, options.verticals, 0);
  const slashes = checkWhole(`${NAME}: slashes`, options.slashes, 0);
  const { scale, softcap, learnedSinks } = commonTerms(NAME, options);
  const terms = { scale, softcap, learnedSinks, visibility: { reach: CAUSAL, mask: undefined } };
  const estimator = { lastQueries, verticals, slashes };
  const jobOf = (where: string, inputs: AttentionInputs, asked: SelectedSyncForwardOptions | undefined): RoomyJob => {
    const call = checkCall(where, terms, inputs, asked?.partial === true);
    return { ...call, ...roomFor(where, call, asked) };
  };
  return {
    name: NAME,
    selection: "prompt",
    async forward<const O extends SelectedForwardOptions>(inputs: AttentionInputs, asked?: O) {
      const where = `${NAME}.forward`;
      asked?.signal?.throwIfAborted();
      const job = jobOf(where, inputs, asked);
      const choice = asked?.runtime ?? "auto";
      const how = { where, runtime: await sharedRuntime(choice), choice, options: asked };
      return finished<O>(job, await run(attendEstimated(where, job, estimator, asked), how), asked);
    },
    forwardSync<const O extends SelectedSyncForwardOptions>(inputs: AttentionInputs, asked?: O) {
      const where = `${NAME}.forwardSync`;
      const job = jobOf(where, inputs, asked);
      const choice = asked?.runtime ?? "auto";
      const how = { where, runtime: sharedRuntimeSync(choice), choice, options: asked };
      return finished<O>(job, runSync(attendEstimated(where, job, estimator, asked), how), asked);
    },
    async estimate(inputs, asked) {
      const where = `${NAME}.estimate`;
      asked?.signal?.throwIfAborted();
      const call = checkCall(where, terms, inputs, false);
      const choice = asked?.runtime ?? "auto";
      const how = { where, runtime: await sharedRuntime(choice), choice, options: asked };
      return run(estimateAll(call, estimator), how);
    },
    plan: (shape) => planOf(shape, estimator),
    reference(inputs, asked) {
      const call = checkCall(`${NAME}.reference`, terms, inputs, asked?.partial === true);
      const exact = (b: number): VerticalSlashLists[] => exactVerticalSlash(call, b, lastQueries, estimator);
      return referenceOf(call, asked?.estimate ?? Array.from({ length: call.shape.batch }, (_, b) => exact(b)));
    },
  };
}

interface Estimator extends VerticalSlashCounts {
  readonly lastQueries: number;
}

type RoomyJob = ReferenceJob & Pick<AttentionJob, "out" | "outIsNew" | "lse">;

function* estimateAll(call: ReferenceJob, estimator: Estimator): Steps<VerticalSlashEstimate> {
  const { batch, heads, queries } = call.shape;
  const estimate: VerticalSlashLists[][] = [];
  for (let b = 0; b < batch; b++) {
    const distances = Math.max(0, call.positions.queryOffset[b]! + queries);
    const sums = Array.from({ length: heads }, () => new VerticalSlashSums(call.positions.keyLength[b]!, distances));
    yield* softmaxRows(call, b, Math.max(0, queries - estimator.lastQueries), queries, (row) =>
      sums[row.h]!.add(row.position, row.weights, row.at, row.count),
    );
    estimate.push(sums.map((each) => each.lists(estimator)));
  }
  return estimate;
}

interface Attended {
  readonly ran: AttentionResult | undefined;
  readonly estimate: VerticalSlashEstimate;
  readonly selected: SelectedPairs;
  readonly selectedMass: SelectedMass | undefined;
}

/** Batch element by batch element: each has patterns of its own. */
function* attendEstimated(
  where: string,
  job: RoomyJob,
  estimator: Estimator,
  asked: SelectedSyncForwardOptions | undefined,
): Steps<Attended> {
  const { batch, heads, queries, keys } = job.shape;
  const mass = asked?.selectedMass;
  const sampled = mass === undefined || mass === false ? undefined : sampledQueries(where, queries, mass);
  const shares = new Float64Array(batch * heads * (sampled?.length ?? 0));
  const estimate = yield* estimateAll(job, estimator);
  const pairTerms = job.scores.bias !== undefined || job.scores.mask !== undefined;
  let ran: AttentionResult | undefined;
  let [visible, visited] = [0, 0];
  for (let b = 0; b < batch; b++) {
    const part: CallPart = { batch: b, batchEnd: b + 1, query: 0, queryEnd: queries, key: 0, keyEnd: keys };
    const call = partOf(job, part);
    const first = call.positions.queryOffset[0]!;
    const { visibility, schedule } = patternOfLists(estimate[b]!);
    const made = schedule(call.shape, call.positions, pairTerms);
    const rows = heads * queries;
    const lse = job.lse?.subarray(b * rows, (b + 1) * rows) ?? (sampled && new Float32Array(rows));
    ran = yield* attend({ ...call, visibility, schedule: made, out: cut(job.out, part, 0, queries), lse });
    if (sampled !== undefined) yield* measureMass(job, part, lse!, sampled, shares);
    for (const lists of estimate[b]!) {
      visible += crossPairs(lists, { first, queries, keys: call.positions.keyLength[0]! });
    }
    visited += made.visitedPairs;
  }
  const selected = { visiblePairs: visible, visitedPairs: visited };
  return { ran, estimate, selected, selectedMass: sampled && massOf(sampled, shares) };
}

function finished<O extends SelectedSyncForwardOptions>(
  job: RoomyJob,
  { ran, ...rest }: Attended,
  asked: O | undefined,
): SelectedResultFor<O> & { readonly estimate: VerticalSlashEstimate } {
  const { selectedMass, ...found } = rest;
  const base = { ...jobResult(job, ran!, asked), ...found };
  return (selectedMass === undefined ? base : { ...base, selectedMass }) as SelectedResultFor<O> & typeof found;
}

/** The pattern of heads that see columns and diagonals each of its own. */
function patternOfLists(lists: readonly VerticalSlashLists[]): Pattern {
  return patternOf(perHead(lists.map((each) => verticalSlash(each))))!;
}

function referenceOf(call: ReferenceJob, estimate: VerticalSlashEstimate): ReferenceResult {
  const { batch, heads, queries, keys, valueDim } = call.shape;
  const out = new Float64Array(batch * heads * queries * valueDim);
  const lse = new Float64Array(batch * heads * queries);
  for (let b = 0; b < batch; b++) {
    const part: CallPart = { batch: b, batchEnd: b + 1, query: 0, queryEnd: queries, key: 0, keyEnd: keys };
    const rows = softmaxReference({ ...partOf(call, part), visibility: patternOfLists(estimate[b]!).visibility });
    out.set(rows.out, b * heads * queries * valueDim);
    lse.set(rows.lse, b * heads * queries);
  }
  return { out, lse };
}

/** A call whose columns and diagonals, but for the forced ones, are spread evenly. */
function planOf(shape: PlanShape, { lastQueries, verticals, slashes }: Estimator): SelectedPlan {
  const { batch = 1, heads, queries, keys = queries, headDim } = shape;
  const plan = verticalSlash({ verticals: spread(verticals, keys), slashes: spread(slashes, keys) }).plan(shape);
  const { bytesRead, workspaceBytes, cacheBytes, visitedPairs, density } = plan;
  return {
    get flops() {
      return plan.flops;
    },
    get visiblePairs() {
      return plan.visiblePairs;
    },
    ...{ bytesRead, workspaceBytes, cacheBytes, visitedPairs, density },
    exact: false,
    selecting: { flops: 4 * headDim * batch * heads * Math.min(lastQueries, queries) * keys, panel: queries },
  };
}

function spread(count: number, of: number): Int32Array {
  const taken = Math.min(count, of);
  const forced = Math.min(taken, FORCED);
  return Int32Array.from({ length: taken }, (_, i) =>
    i < forced ? i : forced + Math.floor(((i - forced) * (of - forced)) / (taken - forced)),
  );
}
