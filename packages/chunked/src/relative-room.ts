import { tensor, type ResultFor, type RunInfo, type SyncForwardOptions, type Tensor } from "@saccade/core";
import type { RelativeCall } from "./relative-call.ts";

/** What a call writes into. */
export function roomFor(q: Tensor, v: Tensor, out: Tensor | undefined): Pick<RelativeCall, "out" | "lse"> {
  const { batch, heads, length, layout } = q;
  const shape =
    layout === "bhnd" ? ([batch, heads, length, v.width] as const) : ([batch, length, heads, v.width] as const);
  return {
    out: out ?? tensor(new Float32Array(batch * heads * length * v.width), { shape, layout }),
    lse: new Float32Array(batch * heads * length),
  };
}

/** What a call wrote, as the result that options ask for. */
export function resultOf<O extends SyncForwardOptions>(
  { runtime, instructionSet, threads, notTaken }: RunInfo,
  { out, lse }: RelativeCall,
  options: O | undefined,
): ResultFor<O> {
  const base = { out, runtime, instructionSet, threads, notTaken };
  if (options?.partial === true) return { ...base, lse, combine: "lse" } as unknown as ResultFor<O>;
  return (options?.lse === true ? { ...base, lse } : base) as ResultFor<O>;
}
