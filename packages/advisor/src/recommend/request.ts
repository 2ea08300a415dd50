import type { Tensor } from "@saccade/core";
import type { CandidateShape } from "../catalogue/candidate.ts";

export const PHASES = ["prefill", "decode", "both"] as const;
export const PRETRAINED = ["softmax", "window", "linear", "none"] as const;
export const RUNTIMES = ["auto", "native", "wasm"] as const;
export const TASKS = ["local", "retrieval", "aggregation", "mixed"] as const;

/** What attention is wanted for. */
export interface RecommendRequest {
  /** A prompt at once, steps behind one, or both. Default "both". */
  readonly phase?: (typeof PHASES)[number] | undefined;
  /** N: tokens of the prompt, or behind a step. */
  readonly seqLen: number;
  /** B. Default 1. */
  readonly batch?: number | undefined;
  /** H */
  readonly heads: number;
  /** G, which divides H. Default H. */
  readonly kvHeads?: number | undefined;
  /** D, of queries, keys and values. */
  readonly headDim: number;
  /** Hide later keys. Default true. */
  readonly causal?: boolean | undefined;
  /** Layers of the model, which all have a cache. Default 1. */
  readonly layers?: number | undefined;
  /**
   * Bytes at most: inputs, output and workspace of one layer at a time, the caches of all layers, and the runtime. Default: no limit. Node
   * itself and the weights of a model are not counted.
   */
  readonly memoryBytes?: number | undefined;
  /** Milliseconds at most, of all layers: a step where there are steps, else the prompt. Default: no limit. */
  readonly latencyMs?: number | undefined;
  /** Default "auto". */
  readonly runtime?: (typeof RUNTIMES)[number] | undefined;
  /** Threads at most. Default: the available parallelism. */
  readonly threads?: number | undefined;
  /** What weights were trained with; "none" where they will be trained with what is chosen. Default "softmax". */
  readonly pretrained?: (typeof PRETRAINED)[number] | undefined;
  /** What attention has to do. Default "mixed". */
  readonly task?: (typeof TASKS)[number] | undefined;
  /** Queries, keys and values of a layer to measure on: [1, H, N, D], [1, G, N, D], [1, G, N, E]. Any number of tokens. */
  readonly qkv?: { readonly q: Tensor; readonly k: Tensor; readonly v: Tensor } | undefined;
  /** Share of dense attention's mass that has to be kept on `qkv`, 0..1. Default: none. */
  readonly minMassRecall?: number | undefined;
  /** Variants to choose among, as ids. Default: the catalogue's, with settings for this length. */
  readonly variants?: readonly string[] | undefined;
}

/** A request with defaults filled in. */
export interface WholeRequest {
  readonly phase: (typeof PHASES)[number];
  readonly seqLen: number;
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly causal: boolean;
  readonly layers: number;
  readonly memoryBytes: number | undefined;
  readonly latencyMs: number | undefined;
  readonly runtime: (typeof RUNTIMES)[number];
  readonly threads: number | undefined;
  readonly pretrained: (typeof PRETRAINED)[number];
  readonly task: (typeof TASKS)[number];
  readonly minMassRecall: number | undefined;
}

/** @throws TypeError or RangeError naming the field, what was expected and what came. */
export function wholeRequest(request: RecommendRequest): WholeRequest {
  const { heads, kvHeads = heads, qkv, minMassRecall } = request;
  const whole: WholeRequest = {
    phase: oneOf("phase", request.phase ?? "both", PHASES),
    seqLen: count("seqLen", request.seqLen),
    batch: count("batch", request.batch ?? 1),
    heads: count("heads", heads),
    kvHeads: count("kvHeads", kvHeads),
    headDim: count("headDim", request.headDim),
    causal: request.causal ?? true,
    layers: count("layers", request.layers ?? 1),
    memoryBytes: positive("memoryBytes", request.memoryBytes),
    latencyMs: positive("latencyMs", request.latencyMs),
    runtime: oneOf("runtime", request.runtime ?? "auto", RUNTIMES),
    threads: request.threads === undefined ? undefined : count("threads", request.threads),
    pretrained: oneOf("pretrained", request.pretrained ?? "softmax", PRETRAINED),
    task: oneOf("task", request.task ?? "mixed", TASKS),
    minMassRecall,
  };
  if (whole.heads % whole.kvHeads !== 0) {
    throw new RangeError(`recommend: kvHeads is ${kvHeads}, which does not divide heads = ${heads}`);
  }
  if (!whole.causal && whole.phase !== "prefill") {
    throw new TypeError(`recommend: phase is "${whole.phase}", but steps need causal attention; expected "prefill"`);
  }
  if (minMassRecall !== undefined && !(minMassRecall >= 0 && minMassRecall <= 1)) {
    throw new RangeError(`recommend: minMassRecall is ${minMassRecall}, expected a number in 0..1`);
  }
  if (minMassRecall !== undefined && qkv === undefined) {
    throw new TypeError("recommend: minMassRecall is given, but no qkv to measure it on");
  }
  if (qkv !== undefined && qkv.q.heads !== whole.heads) {
    throw new RangeError(`recommend: qkv.q has ${qkv.q.heads} heads, expected heads = ${whole.heads}`);
  }
  return whole;
}

/** The call of one layer. */
export function shapeOf({ batch, heads, kvHeads, seqLen, headDim, threads }: WholeRequest): CandidateShape {
  return { batch, heads, kvHeads, queries: seqLen, headDim, threads };
}

function count(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= 2 ** 30) return value;
  throw new RangeError(`recommend: ${name} is ${String(value)}, expected an integer in 1..2^30`);
}

function positive(name: string, value: number | undefined): number | undefined {
  if (value === undefined || value > 0) return value;
  throw new RangeError(`recommend: ${name} is ${value}, expected a number above 0`);
}

function oneOf<T extends string>(name: string, value: T, words: readonly T[]): T {
  if (words.includes(value)) return value;
  throw new TypeError(`recommend: ${name} is ${JSON.stringify(value)}, expected ${words.join(", ")}`);
}
