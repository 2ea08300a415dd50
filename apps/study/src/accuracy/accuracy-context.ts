import type { Runtime, RuntimeName } from "@saccade/core";

/** Where and how the calls of a measurement run. */
export interface AccuracyContext {
  /** Default "auto". */
  readonly runtime?: "auto" | RuntimeName | Runtime | undefined;
  readonly threads?: number | undefined;
  /** Where rows of dense attention are kept for the next cell; undefined to keep none. */
  readonly cacheFolder?: string | undefined;
  /** The grid's. Default 1. */
  readonly seed?: number | undefined;
  /** Bytes of queries, keys and values that are made at once, one head at least. Default 2^29. */
  readonly bytesAtOnce?: number | undefined;
  /** Bytes that constructed texts may take: where a single one takes more, nothing is hidden. Default: no bound. */
  readonly mostBytes?: number | undefined;
  /** Asked before outputs are compared and before each round of constructed texts, which are left out when it says so. Default: never. */
  readonly outOfTime?: (() => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const BYTES_AT_ONCE: number = 2 ** 29;

/** What calls are given of it. */
export function callOptions({
  runtime,
  threads,
  signal,
}: AccuracyContext): Pick<AccuracyContext, "runtime" | "threads" | "signal"> {
  return { runtime, threads, signal };
}
