import type { CallShape } from "../measure/shape.ts";
import { short } from "../report.ts";
import type { System } from "../systems/registry.ts";
import type { Measured } from "./bar.ts";
import { withContestants } from "./duel.ts";

/** By how much resident memory rises at its peak during a call, without its output. */
export function peakMemory(system: System, shape: CallShape): Promise<Measured> {
  return withContestants([{ system, shape }], async ([contestant]) => ({
    value: contestant!.ready?.peakMemoryMB ?? NaN,
    detail: contestant!.failed ?? `in ${short(contestant!.ready!.firstMs)} ms`,
  }));
}
