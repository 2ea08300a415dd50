import { openRuntime, type Runtime } from "@saccade/core";
import type { Candidate } from "../catalogue/candidate.ts";
import { calibrate } from "../cost/calibrate.ts";
import type { CalibrationPlace } from "../cost/calibration-file.ts";
import type { Calibration } from "../cost/calibration.ts";
import { predictDecode, predictMemory, predictPrefill, type PredictedMemory } from "../cost/predict.ts";
import { judge } from "./accuracy.ts";
import { installLine, programOf } from "./code.ts";
import type { EvidenceCell } from "./evidence.ts";
import { packagedEvidence } from "./evidence-files.ts";
import { AccuracyMeter, type MeasuredAccuracy } from "./measure-accuracy.ts";
import { modelPlans } from "./model-plan.ts";
import { perHeadPlan } from "./per-head-plan.ts";
import { misses, reasonsAgainst, recallReason, type Miss } from "./reasons.ts";
import type { Choice, Recommendation, Rejected } from "./recommendation.ts";
import { shapeOf, wholeRequest, type RecommendRequest, type WholeRequest } from "./request.ts";
import { variantsFor } from "./variants-for.ts";

export interface RecommendOptions {
  /** What studies say. Default: the study that comes with the package. */
  readonly evidence?: readonly EvidenceCell[] | undefined;
  /** The machine that predictions are for. Default: this one, measured or as it was measured before. */
  readonly machine?: Calibration | undefined;
  /** As in `calibrate`. */
  readonly cache?: CalibrationPlace | undefined;
}

/** What does as well as dense attention, but for this share, is chosen by its cost. */
const GOOD_ENOUGH = 0.9;

/**
 * Which attention for a workload, by predicted cost and by what is known of accuracy: measured on the caller's queries, keys and values, or
 * by the cells of a study. Those of which nothing is known stand behind all others, and variants that do not come into question are
 * named with the reason.
 *
 * Order: first those that reach 90% of what dense attention does, the fastest first; then those that do not, the best first; then those of
 * which nothing is known, dense attention before all others, the fastest first.
 *
 * @throws TypeError or RangeError (as a rejection) naming the field of the request that is wrong.
 * @example
 * const { choices } = await recommend({ seqLen: 32_768, heads: 8, kvHeads: 2, headDim: 64, memoryBytes: 2e9, task: "local" });
 * console.log(choices[0]?.id, choices[0]?.code);
 */
export async function recommend(request: RecommendRequest, options: RecommendOptions = {}): Promise<Recommendation> {
  const whole = wholeRequest(request);
  const evidence = options.evidence ?? packagedEvidence();
  const candidates = variantsFor(whole, request.variants, evidence);
  const machine =
    options.machine ?? (await calibrate({ runtime: whole.runtime, threads: whole.threads, cache: options.cache }));
  await using runtime = await openRuntime(whole.runtime, { threads: whole.threads });
  const meter = request.qkv && new AccuracyMeter(request.qkv, whole.causal, runtime);
  const weighed: Weighed[] = [];
  const rejected: Rejected[] = [];
  for (const candidate of candidates) {
    const { id, description } = candidate;
    const against = reasonsAgainst(candidate, whole);
    if (against.length > 0) {
      rejected.push({ id, description, reasons: against });
      continue;
    }
    const measured = await meter?.measure(candidate);
    const choice = weigh(candidate, whole, { machine, evidence, measured, runtime });
    const recall = recallReason(measured, whole);
    if (recall === undefined && choice.misses.length === 0) weighed.push(choice);
    else {
      const reasons = [...(recall === undefined ? [] : [recall]), ...choice.misses.map(({ text }) => text)];
      rejected.push({ id, description, reasons });
      if (recall === undefined) weighed.push(choice);
    }
  }
  const choices = weighed.filter((each) => each.misses.length === 0).toSorted(byPreference);
  const nearest = choices.length > 0 ? undefined : weighed.toSorted((a, b) => overshoot(a) - overshoot(b))[0];
  const { cpu, runtime: ran, instructionSet, threads } = machine;
  return {
    request: whole,
    machine: { cpu, runtime: ran, instructionSet, threads },
    choices: choices.map(({ choice }) => choice),
    nearest: nearest && { ...nearest.choice, misses: nearest.misses.map(({ text }) => text) },
    rejected,
    modelPlans: modelPlans(whole, machine),
    perHead: request.qkv && whole.causal ? await perHeadPlan(request.qkv, runtime) : undefined,
  };
}

interface Weighed {
  readonly choice: Choice;
  readonly misses: readonly Miss[];
  /** Whether it is dense attention, which at least changes nothing. */
  readonly exact: boolean;
  /** What the order by cost goes by: a step where there are steps, with the prompt's share of a hundred of them. */
  readonly ms: number;
}

function weigh(
  candidate: Candidate,
  request: WholeRequest,
  known: {
    readonly machine: Calibration;
    readonly evidence: readonly EvidenceCell[];
    readonly measured: MeasuredAccuracy | undefined;
    readonly runtime: Runtime;
  },
): Weighed {
  const { phase, layers } = request;
  const { machine, runtime } = known;
  const shape = { ...shapeOf(request), runtime };
  const prefillMs = phase === "decode" ? undefined : layers * predictPrefill(candidate, shape, machine).ms;
  const stepMs = phase === "prefill" ? undefined : layers * predictDecode(candidate, shape, machine).ms;
  const memory = ofLayers(predictMemory(candidate, shape, phase, machine), layers);
  const { statements, quality } = judge(candidate, request, known.evidence, known.measured);
  const { id, description, family, packageName } = candidate;
  return {
    choice: {
      ...{ id, description, family, packageName, prefillMs, stepMs, memory, quality },
      accuracy: statements,
      install: installLine(candidate),
      code: programOf(candidate, request),
    },
    exact: candidate.exact,
    misses: misses(memory.totalBytes, stepMs ?? prefillMs ?? 0, request),
    ms: (stepMs ?? 0) + (prefillMs ?? 0) / (stepMs === undefined ? 1 : 100),
  };
}

/** Layers run one after the other and share all but their caches. */
function ofLayers(memory: PredictedMemory, layers: number): PredictedMemory {
  const cacheBytes = layers * memory.cacheBytes;
  return { ...memory, cacheBytes, totalBytes: memory.totalBytes - memory.cacheBytes + cacheBytes };
}

/** See `recommend`. */
function byPreference(a: Weighed, b: Weighed): number {
  const [first, second] = [rank(a), rank(b)];
  if (first !== second) return first - second;
  if (first === 1) return (b.choice.quality ?? 0) - (a.choice.quality ?? 0) || a.ms - b.ms;
  return a.ms - b.ms;
}

function rank({ choice: { quality }, exact }: Weighed): 0 | 1 | 2 | 3 {
  if (quality === undefined) return exact ? 2 : 3;
  return quality >= GOOD_ENOUGH ? 0 : 1;
}

/** How many times as much as allowed it takes, of what it takes too much of most. */
function overshoot(weighed: Weighed): number {
  return Math.max(...weighed.misses.map(({ times }) => times));
}
