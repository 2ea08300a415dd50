import type { AttentionJob, ScoreTerms } from "../runtime.ts";
import { planUnits, type UnitPlan } from "../units.ts";
import { Arena } from "./arena.ts";
import type { KernelExports } from "./kernel-instance.ts";
import { planWaves, type Copies, type WavePlan } from "./wave-plan.ts";
import { WaveWorks } from "./wave-work.ts";

/** How a call runs. None of it changes what is computed in which order. */
export interface CallUse {
  readonly threads: number;
  /** Panels of keys in flight: 2 where one is copied while another is worked on. */
  readonly buffers: 1 | 2;
}

export interface CallPlan {
  readonly units: UnitPlan;
  readonly plan: WavePlan;
  readonly works: WaveWorks;
  readonly arena: Arena;
}

/** Everything about a call that is known before it runs. */
export function planCall(
  { shape, schedule, scores }: Pick<AttentionJob, "shape" | "schedule" | "scores">,
  copies: Copies,
  kernels: KernelExports,
  { threads, buffers }: CallUse,
): CallPlan {
  const { headDim, valueDim, kvHeads, keys } = shape;
  const units = planUnits(shape, schedule);
  const stateFloats = kernels.stateFloats(units.rows, headDim, valueDim);
  const plan = planWaves({ shape, schedule, units, stateFloats, copies, pairTerms: pairTerms(scores) });
  const works = new WaveWorks(plan, units, schedule, kvHeads, keys);
  const slotFloats = kernels.slotFloats(units.rows, valueDim);
  const hasPairTerms = scores.bias !== undefined || scores.mask !== undefined;
  const scratchFloats = kernels.scratchFloats(units.rows, headDim, valueDim, hasPairTerms ? 1 : 0);
  const most = works.most();
  const arena = new Arena({
    shape,
    units,
    scores,
    copies,
    plan,
    most,
    threads,
    buffers,
    stateFloats,
    slotFloats,
    scratchFloats,
  });
  return { units, plan, works, arena };
}

function pairTerms({ bias, mask }: ScoreTerms): { heads: number; rows: number; bytes: number }[] {
  const terms = [];
  if (bias !== undefined) terms.push({ heads: bias.shape[1], rows: bias.shape[2], bytes: 4 });
  if (mask !== undefined) terms.push({ heads: mask.shape[1], rows: mask.shape[2], bytes: 1 });
  return terms;
}
