import { programsOf } from "../programs.ts";
import type { ScoreTerms, WorkspaceJob } from "../runtime.ts";
import { operandCount, scratchNeeds } from "../scratch-needs.ts";
import { planUnits, type UnitPlan } from "../units.ts";
import { Arena } from "./arena.ts";
import type { KernelExports } from "./kernel-instance.ts";
import { planWaves, type Copies, type WavePlan } from "./wave-plan.ts";
import { WaveWorks } from "./wave-work.ts";

/** Bytes of linear memory that the scratch of all threads of a call may take. */
const SCRATCH_BYTES = 8 * 2 ** 20;

/** How a call runs. None of it changes what is computed in which order. */
export interface CallUse {
  /** Threads at most; fewer run where their scratch would take too much memory. */
  readonly threads: number;
  /** Panels of keys in flight: 2 where one is copied while another is worked on. */
  readonly buffers: 1 | 2;
}

export interface CallPlan {
  readonly units: UnitPlan;
  readonly plan: WavePlan;
  readonly works: WaveWorks;
  readonly arena: Arena;
  readonly threads: number;
}

/** Everything about a call that is known before it runs. */
export function planCall(job: WorkspaceJob, copies: Copies, kernels: KernelExports, use: CallUse): CallPlan {
  const { shape, schedule, scores } = job;
  const { headDim, valueDim } = shape;
  const operands = operandCount(job);
  const units = planUnits(shape, schedule);
  const needs = scratchNeeds(job);
  const stateFloats = kernels.stateFloats(units.rows, headDim, valueDim, operands, needs);
  const plan = planWaves({ shape, schedule, units, stateFloats, operands, copies, pairTerms: pairTerms(scores) });
  const works = new WaveWorks(plan, units, schedule, shape);
  const slotFloats = kernels.slotFloats(units.rows, valueDim);
  // A streamed unit's state stands apart; others keep theirs in the scratch.
  const scratchRows = plan.streams ? 0 : units.rows;
  const scratchFloats = kernels.scratchFloats(scratchRows, headDim, valueDim, operands, needs);
  const threads = Math.max(1, Math.min(use.threads, Math.floor(SCRATCH_BYTES / (4 * scratchFloats))));
  const most = works.most();
  const arena = new Arena({
    shape,
    schedule,
    units,
    operands,
    programs: programsOf(job),
    scores,
    copies,
    plan,
    most,
    threads,
    buffers: use.buffers,
    stateFloats,
    slotFloats,
    scratchFloats,
  });
  return { units, plan, works, arena, threads };
}

function pairTerms({ bias, mask }: ScoreTerms): { heads: number; rows: number; bytes: number }[] {
  const terms = [];
  if (bias !== undefined) terms.push({ heads: bias.shape[1], rows: bias.shape[2], bytes: 4 });
  if (mask !== undefined) terms.push({ heads: mask.shape[1], rows: mask.shape[2], bytes: 1 });
  return terms;
}
