import type { WorkspaceJob } from "./runtime.ts";

/** What a thread's scratch must have room for, added up: `SCRATCH_*` in kernels.h. */
const TERMS = 1;
const PROGRAMS = 2;
const COPIES = 4;
const GATHERED = 8;

export function scratchNeeds({ schedule, scores, stored }: WorkspaceJob): number {
  const terms = scores.bias !== undefined || scores.mask !== undefined ? TERMS : 0;
  const programs = scores.score !== undefined || schedule.masked !== undefined ? PROGRAMS : 0;
  const copies = stored !== undefined || schedule.indices.length > 0 ? COPIES : 0;
  return terms + programs + copies + (schedule.gathered === true ? GATHERED : 0);
}

/** Query tensors that tasks choose from. */
export function operandCount({ turned }: WorkspaceJob): number {
  return 1 + (turned?.length ?? 0);
}
