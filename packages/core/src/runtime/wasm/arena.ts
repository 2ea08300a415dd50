import type { AttentionShape } from "../../shape.ts";
import { REACH_INTS } from "../../schedule/reach.ts";
import type { Schedule } from "../../schedule/schedule.ts";
import type { Programs } from "../programs.ts";
import type { ScoreTerms } from "../runtime.ts";
import { UNIT_INTS, type UnitPlan } from "../units.ts";
import { JOB_BYTES } from "./job-layout.ts";
import { programWords } from "./stage-programs.ts";
import type { Copies, WavePlan } from "./wave-plan.ts";

const ALIGNMENT = 64;
/** Bytes behind optional regions, so that they can be moved a little. */
export const SPARE_BYTES = 64;

export interface ArenaInputs {
  readonly shape: AttentionShape;
  readonly schedule: Pick<Schedule, "indices" | "reaches">;
  readonly units: UnitPlan;
  /** Query tensors that tasks choose from. */
  readonly operands: number;
  readonly programs: Programs;
  readonly scores: Pick<ScoreTerms, "bias" | "mask" | "learnedSinks">;
  readonly copies: Copies;
  readonly plan: WavePlan;
  /** Units and task ints of the largest wave. */
  readonly most: { readonly units: number; readonly taskInts: number };
  readonly threads: number;
  /** Panels of keys in flight: 2 where one is copied while another is worked on. */
  readonly buffers: number;
  readonly stateFloats: number;
  readonly slotFloats: number;
  readonly scratchFloats: number;
}

type Region =
  | "job"
  | "queryOffset"
  | "keyLength"
  | "sinks"
  | "indices"
  | "reaches"
  | "programs"
  | "tasks"
  | "units"
  | "joins"
  | "slots"
  | "states"
  | "q"
  | "q1"
  | "q2"
  | "q3"
  | "out"
  | "lse"
  | "scratch"
  | PanelRegion;

/** Regions of which there is one for every panel in flight. */
type PanelRegion = "k" | "v" | "bias" | "mask";

/** Where the queries of every operand stand. */
export const OPERANDS = ["q", "q1", "q2", "q3"] as const;

/** The regions of everything that a call keeps in linear memory, in one allocation of `bytes`. */
export class Arena {
  readonly bytes: number;
  readonly joinCount: number;
  readonly stateFloats: number;
  readonly slotFloats: number;
  readonly scratchFloats: number;
  readonly #offsets = new Map<Region, number>();
  readonly #panelBytes: number;
  /** Address of the allocation; 0 before it is made. */
  base = 0;

  constructor(inputs: ArenaInputs) {
    const { shape, units, scores, copies, plan, most, threads, buffers } = inputs;
    const { batch, heads, kvHeads, headDim, valueDim } = shape;
    this.joinCount = units.joins;
    this.stateFloats = inputs.stateFloats;
    this.slotFloats = inputs.slotFloats;
    this.scratchFloats = inputs.scratchFloats;
    const waveHeads = kvHeads === 0 ? 0 : (plan.kvHeads * heads) / kvHeads;
    const rows = plan.batch * waveHeads * plan.rows;
    const panelKeys = Math.min(plan.panelKeys, shape.keys);
    const keys = plan.batch * plan.kvHeads * panelKeys;
    const pairs = (term: PairTerm | undefined): number => {
      if (term === undefined) return 0;
      const [B, H, N] = term.shape;
      return (B === 1 ? 1 : plan.batch) * (H === 1 ? 1 : waveHeads) * (N === 1 ? 1 : plan.rows) * panelKeys;
    };

    let end = 0;
    const take = (region: Region, bytes: number): void => {
      this.#offsets.set(region, end);
      end = Math.ceil((end + bytes) / ALIGNMENT) * ALIGNMENT;
    };
    take("job", JOB_BYTES);
    take("queryOffset", 4 * batch);
    take("keyLength", 4 * batch);
    take("sinks", scores.learnedSinks === undefined ? 0 : 4 * heads);
    take("indices", inputs.schedule.indices.byteLength);
    take("reaches", 4 * REACH_INTS * inputs.schedule.reaches.length);
    take("programs", 4 * programWords(inputs.programs));
    take("tasks", 4 * most.taskInts);
    take("units", 4 * UNIT_INTS * most.units);
    take("joins", 4 * units.joins);
    take("slots", plan.streams ? 0 : 4 * units.slots * inputs.slotFloats);
    take("states", plan.streams ? 4 * most.units * inputs.stateFloats : 0);
    for (const operand of OPERANDS.slice(0, inputs.operands)) take(operand, copies.q ? 4 * rows * headDim : 0);
    take("out", copies.out ? 4 * rows * valueDim : 0);
    take("lse", 4 * rows + SPARE_BYTES);
    take("scratch", 4 * threads * inputs.scratchFloats);
    const panel = end;
    take("k", copies.k ? 4 * keys * headDim : 0);
    take("v", copies.v ? 4 * keys * valueDim : 0);
    take("bias", 4 * pairs(scores.bias) + SPARE_BYTES);
    take("mask", pairs(scores.mask) + SPARE_BYTES);
    this.#panelBytes = end - panel;
    this.bytes = end + (plan.streams ? buffers - 1 : 0) * this.#panelBytes;
  }

  /** Address of a region. */
  at(region: Exclude<Region, PanelRegion>): number {
    return this.base + this.#offsets.get(region)!;
  }

  /** Address of a region of one of the panels in flight. */
  inPanel(region: PanelRegion, buffer: number): number {
    return this.base + this.#offsets.get(region)! + buffer * this.#panelBytes;
  }
}

interface PairTerm {
  readonly shape: readonly [number, number, number, number];
}
