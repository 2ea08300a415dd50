import { candidate } from "../catalogue/candidate-of.ts";
import { predictDecode, predictMemory, predictPrefill } from "../cost/predict.ts";
import type { Calibration } from "../cost/calibration.ts";
import { shapeOf, type WholeRequest } from "./request.ts";

/** Layers of two kinds. */
export interface ModelPlan {
  readonly name: string;
  /** Which models are built like this. */
  readonly about: string;
  /** How many layers have which attention, by id. */
  readonly layers: readonly { readonly id: string; readonly count: number }[];
  /** Bytes of the caches of all layers at the request's length. */
  readonly cacheBytes: number;
  /** As a share of what dense attention keeps in all layers. */
  readonly cacheShare: number;
  /** Milliseconds of a prompt through the attention of all layers. */
  readonly prefillMs: number;
  /** Milliseconds of a step through the attention of all layers. */
  readonly stepMs: number;
}

/** Of `every` layers the last is global. */
const MIXES = [
  {
    name: "local:global 5:1",
    about: "windows of 1024, as in Gemma 3",
    local: "window:1024",
    global: "dense",
    every: 6,
  },
  { name: "local:global 3:1", about: "chunks of 8192, as in Llama 4", local: "chunk:8192", global: "dense", every: 4 },
  {
    name: "linear:full 3:1",
    about: "Gated DeltaNet, as in Qwen3-Next; weights must be trained with it",
    local: "gated-delta-net",
    global: "dense",
    every: 4,
  },
  { name: "full", about: "dense attention in every layer", local: "dense", global: "dense", every: 1 },
] as const;

/** Layers mixed as published models mix them, at the request's sizes; none where tokens see later ones. */
export function modelPlans(request: WholeRequest, machine: Calibration): readonly ModelPlan[] {
  if (!request.causal || request.layers < 2) return [];
  const shape = shapeOf(request);
  const costs = new Map<string, readonly [cache: number, prefill: number, step: number]>();
  const costOf = (id: string): readonly [number, number, number] => {
    const known = costs.get(id);
    if (known !== undefined) return known;
    const each = candidate(id);
    const made = [
      predictMemory(each, shape, "both", machine).cacheBytes,
      predictPrefill(each, shape, machine).ms,
      predictDecode(each, shape, machine).ms,
    ] as const;
    costs.set(id, made);
    return made;
  };
  const full = request.layers * costOf("dense")[0];
  return MIXES.map(({ name, about, local, global, every }) => {
    const globals = Math.floor(request.layers / every);
    const layers = [
      { id: candidate(local).id, count: request.layers - globals },
      { id: global, count: globals },
    ].filter(({ count }) => count > 0);
    const total = (which: 0 | 1 | 2): number =>
      layers.reduce((sum, each) => sum + each.count * costOf(each.id)[which], 0);
    const cacheBytes = total(0);
    return { name, about, layers, cacheBytes, cacheShare: cacheBytes / full, prefillMs: total(1), stepMs: total(2) };
  });
}
