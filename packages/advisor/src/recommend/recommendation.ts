import type { Family } from "../catalogue/candidate.ts";
import type { PredictedMemory } from "../cost/predict.ts";
import type { AccuracyStatement } from "./accuracy.ts";
import type { ModelPlan } from "./model-plan.ts";
import type { PerHeadPlan } from "./per-head-plan.ts";
import type { WholeRequest } from "./request.ts";

/** What a request comes to. Plain data, which JSON keeps. */
export interface Recommendation {
  readonly request: WholeRequest;
  /** What predictions are for. */
  readonly machine: Readonly<Record<"cpu" | "runtime" | "instructionSet", string>> & { readonly threads: number };
  /** Those that meet the request, best first. */
  readonly choices: readonly Choice[];
  /** Where none does: the one that misses by least, and by what. */
  readonly nearest: (Choice & { readonly misses: readonly string[] }) | undefined;
  /** All others, and why. */
  readonly rejected: readonly Rejected[];
  /** Models whose layers differ, at the request's sizes; none for one layer. */
  readonly modelPlans: readonly ModelPlan[];
  /** Where queries, keys and values were given and attention is causal. */
  readonly perHead: PerHeadPlan | undefined;
}

export interface Choice {
  readonly id: string;
  readonly description: string;
  readonly family: Family;
  readonly packageName: string;
  /** Predicted milliseconds of a prompt through all layers; undefined where only steps are asked for. */
  readonly prefillMs: number | undefined;
  /** Predicted milliseconds of a step through all layers; undefined where only a prompt is asked for. */
  readonly stepMs: number | undefined;
  /** Bytes of what `memoryBytes` of the request limits, and of its parts; the cache is that of all layers. */
  readonly memory: PredictedMemory;
  readonly accuracy: readonly AccuracyStatement[];
  /** 0..1, by the statements; undefined where nothing is known. */
  readonly quality: number | undefined;
  readonly install: string;
  /** A program that runs it at the request's sizes. */
  readonly code: string;
}

export interface Rejected {
  readonly id: string;
  readonly description: string;
  readonly reasons: readonly string[];
}
