import type { AttentionResult, PartialResult, ResultFor, SyncForwardOptions } from "@saccade/core";
import type { mixSync, Mixed } from "./mix-branches.ts";

/** What a branch gives. */
export type BranchResult = AttentionResult & PartialResult;

export function mixOptions(
  learnedSinks: Float32Array | undefined,
  options: SyncForwardOptions | undefined,
): Parameters<typeof mixSync>[1] {
  return { out: options?.out, learnedSinks: options?.partial === true ? undefined : learnedSinks };
}

/** A mixture as the result that options ask for. */
export function finished<O extends SyncForwardOptions>(
  { out, lse }: Mixed,
  results: readonly BranchResult[],
  options: O | undefined,
): ResultFor<O> {
  const { runtime, instructionSet, threads, notTaken } = results.at(-1)!;
  const base = { out, runtime, instructionSet, threads, notTaken };
  if (options?.partial === true) return { ...base, lse, combine: "lse" } as unknown as ResultFor<O>;
  return (options?.lse === true ? { ...base, lse } : base) as ResultFor<O>;
}
