import type { AttentionResult, PartialResult, ResultFor, SyncForwardOptions, Tensor } from "@saccade/core";
import { shown } from "./checks.ts";
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

/** What branches cannot check, as it is not theirs. */
export function checkCall(
  where: string,
  q: Tensor,
  v: Tensor,
  learnedSinks: Float32Array | undefined,
  out: Tensor | undefined,
): void {
  if (q?.strides === undefined) throw new TypeError(`${where}: q is ${shown(q)}, expected a tensor`);
  if (learnedSinks !== undefined && learnedSinks.length !== q.heads) {
    throw new RangeError(`${where}: learnedSinks has ${learnedSinks.length} logits, q has H = ${q.heads}`);
  }
  if (out === undefined) return;
  const [got, want] = [
    [out.batch, out.heads, out.length, out.width],
    [q.batch, q.heads, q.length, v?.width],
  ];
  if (got.every((size, axis) => size === want[axis])) return;
  throw new RangeError(`${where}: out is [B, H, N, E] = [${got.join(", ")}], expected [${want.join(", ")}]`);
}
