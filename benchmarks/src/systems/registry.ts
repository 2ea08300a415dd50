import { availableParallelism } from "node:os";
import { featuresOf, type CallShape, type Feature } from "../measure/shape.ts";
import type { OrtOperator } from "./onnxruntime.ts";
import type { Prepare } from "./system.ts";

export type RuntimeClass = "native" | "wasm";

/** One way to compute attention: a system, the runtime it stands for and the threads it is told to use. */
export interface System {
  readonly system: string;
  readonly runtime: RuntimeClass;
  readonly threads: number;
}

interface Entry {
  readonly system: string;
  readonly runtime: RuntimeClass;
  /** More than one thread can be asked for. */
  readonly threaded: boolean;
  /** What it can do beyond plain and causal attention; nothing by default. */
  readonly features?: readonly Feature[];
  /** Imported only in the process that runs it. */
  readonly load: () => Promise<Prepare>;
}

const VARIANTS: readonly Feature[] = [
  "window",
  "dilation",
  "documents",
  "blocks",
  "density",
  "softcap",
  "score",
  "dualChunk",
];
/** What onnxruntime's operators have. Caches are f32 whatever is asked: it is the same step. */
const ONNXRUNTIME: Readonly<Record<OrtOperator, readonly Feature[]>> = {
  MultiHeadAttention: ["documents", "score"],
  GroupQueryAttention: ["window", "softcap", "stored"],
  Attention: ["softcap"],
  SparseAttention: ["blocks", "density"],
};

const OPERATORS: readonly (readonly [OrtOperator, string])[] = [
  ["MultiHeadAttention", "mha"],
  ["GroupQueryAttention", "gqa"],
  ["Attention", "attention"],
  ["SparseAttention", "sparse"],
];

const ENTRIES: readonly Entry[] = [
  ...(["native", "wasm"] as const).flatMap((runtime): Entry[] => [
    {
      system: "saccade",
      runtime,
      threaded: true,
      features: VARIANTS,
      load: async () => (await import("./saccade.ts")).saccade(runtime, "forward"),
    },
    {
      system: "saccade-sync",
      runtime,
      threaded: true,
      features: VARIANTS,
      load: async () => (await import("./saccade.ts")).saccade(runtime, "forwardSync"),
    },
    {
      system: "saccade-decoder",
      runtime,
      threaded: true,
      features: [...VARIANTS, "stored"],
      load: async () => (await import("./saccade-decoder.ts")).saccadeDecoder(runtime),
    },
  ]),
  ...OPERATORS.flatMap(([operator, name]): Entry[] => {
    return [
      {
        system: `onnxruntime-node-${name}`,
        runtime: "native",
        threaded: true,
        features: ONNXRUNTIME[operator],
        load: async () => (await import("./onnxruntime-node.ts")).onnxruntimeNode(operator),
      },
      {
        system: `onnxruntime-web-${name}`,
        runtime: "wasm",
        threaded: true,
        features: ONNXRUNTIME[operator],
        load: async () => (await import("./onnxruntime-web.ts")).onnxruntimeWeb(operator),
      },
    ];
  }),
  { system: "jax-js", runtime: "wasm", threaded: false, load: async () => (await import("./jax-js.ts")).jaxJs },
  { system: "tfjs", runtime: "wasm", threaded: false, load: async () => (await import("./tfjs.ts")).tfjs },
  {
    system: "ruvector",
    runtime: "native",
    threaded: false,
    load: async () => (await import("./ruvector.ts")).ruvector,
  },
  {
    system: "read-bandwidth",
    runtime: "native",
    threaded: true,
    features: ["window", "stored"],
    load: async () => (await import("./read-bandwidth.ts")).readBandwidth,
  },
];

/** Every system at one thread, and at all threads of the machine where it can. */
export function allSystems(all: number = availableParallelism()): System[] {
  return ENTRIES.flatMap(({ system, runtime, threaded }) =>
    (threaded && all > 1 ? [1, all] : [1]).map((threads) => ({ system, runtime, threads })),
  );
}

/** "saccade:native:2", which globs are matched against. */
export const labelOf = ({ system, runtime, threads }: System): string => `${system}:${runtime}:${threads}`;

/** What a shape asks for and a system does not have. */
export function missingFeatures(system: System, shape: CallShape): Feature[] {
  const { features = [] } = entryOf(system);
  return featuresOf(shape).filter((feature) => !features.includes(feature));
}

/** The code of a system; to be called in the process that measures it. */
export function loadSystem(system: System): Promise<Prepare> {
  return entryOf(system).load();
}

function entryOf({ system, runtime }: System): Entry {
  const entry = ENTRIES.find((candidate) => candidate.system === system && candidate.runtime === runtime);
  if (!entry) throw new Error(`no system ${system} with runtime ${runtime}`);
  return entry;
}
