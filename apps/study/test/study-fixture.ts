import type {
  Accuracy,
  CellRecord,
  Grid,
  InputSummary,
  MachineRecord,
  MeasuredCell,
  NeedleDepth,
  StudyHeader,
  StudyRecord,
  TaskName,
  UnmeasuredCell,
  VariantSummary,
} from "../src/cells/record.ts";
import { seeded, type Seeded } from "./seeded.ts";

/** What a made-up study has. */
export interface FixtureOptions {
  readonly seed?: number;
  readonly lengths?: readonly number[];
  /** Of MODELS; all by default. */
  readonly variants?: readonly string[];
  readonly inputs?: readonly string[];
  readonly runtimes?: Grid["runtimes"];
  /** Cells take turns on them. */
  readonly machines?: number;
}

/** How a variant's costs and errors come about. */
interface Model extends VariantSummary {
  /** Keys that a query sees at a length; undefined for recurrences. */
  readonly keys: ((length: number) => number) | undefined;
  /** Seconds for each pair or, of a recurrence, each token. */
  readonly cost: number;
  /** Whether it sees keys at any distance. */
  readonly far: boolean;
}

const model = (packageName: string, description: string, keys: Model["keys"], given: Partial<Model> = {}): Model => ({
  packageName: `@saccade/${packageName}`,
  family: packageName === "core" ? "dense" : packageName,
  description,
  needsTraining: false,
  exact: false,
  keys,
  cost: 1.6e-9,
  far: false,
  ...given,
});

const least = (window: number) => (length: number) => Math.min(window, length / 2);

const MODELS: Readonly<Record<string, Model>> = {
  dense: model("core", "every key", (n) => n / 2, { exact: true, far: true }),
  "window:1024": model("sliding-window", "the last 1024 keys", least(1024)),
  "window:1024:sinks=4": model("sliding-window", "the last 1024 keys and the first 4", least(1028)),
  "top-k-blocks:16": model("block-sparse", "16 blocks of 64 keys with the highest scores", least(1024), {
    cost: 2.2e-9,
    far: true,
  }),
  "a-shape:512": model("block-sparse", "4 first and 512 last keys", least(516)),
  "big-bird": model("block-sparse", "window, global and random blocks", least(448), { cost: 2e-9 }),
  "chunk:2048": model("chunked", "the keys of its chunk of 2048", least(1024)),
  retention: model("linear", "a state that decays", undefined, { needsTraining: true, cost: 1.1e-6 }),
  "gated-delta-net": model("linear", "a state that is corrected", undefined, { needsTraining: true, cost: 2.6e-6 }),
};

const TASKS: readonly TaskName[] = ["single", "multi-key", "multi-value", "variable-tracking"];
const LENGTHS = [512, 1024, 2048, 4096, 8192, 16_384, 32_768];
const CELL_BYTES = 4e9;
const CELL_SECONDS = 6;

/** The records of a study that never ran, from a seed: each variant's costs follow its own law, with noise; some cells have none. */
export function studyFixture(options: FixtureOptions = {}): StudyRecord[] {
  const { seed = 1, lengths = LENGTHS, variants = Object.keys(MODELS) } = options;
  const { inputs = ["text"], runtimes = ["auto"], machines = 1 } = options;
  const random = seeded(seed);
  const machineRecords = Array.from({ length: machines }, (_, i) => machine(i));
  const grid: Grid = {
    variants,
    lengths,
    inputs: Object.fromEntries(inputs.map((name) => [name, { kind: name, maxLength: 2_349_483 }])),
    runtimes,
    causal: true,
    seed,
    measure: {
      timeSeconds: 1,
      repeats: 20,
      decodeSteps: 32,
      sampledRows: 64,
      needleDepths: [0, 0.25, 0.5, 0.75, 1],
      needleTrials: 8,
      tasks: TASKS,
      cellSeconds: CELL_SECONDS,
      cellBytes: CELL_BYTES,
      threads: undefined,
    },
  };
  const header: StudyHeader = {
    record: "study",
    version: 2,
    name: "made-up",
    gridHash: "0f1e2d3c",
    grid,
    variants: Object.fromEntries(
      variants.map((id) => {
        const { description, family, packageName, needsTraining, exact } = modelOf(id);
        return [id, { description, family, packageName, needsTraining, exact }];
      }),
    ),
    inputs: Object.fromEntries(inputs.map((name) => [name, INPUT])),
  };
  const cells = inputs.flatMap((input) =>
    lengths.flatMap((length) =>
      variants.flatMap((variant) =>
        runtimes.map((runtime, at) => {
          const on = machineRecords[(variants.indexOf(variant) + at) % machines] ?? machine(0);
          return cell({ variant, input, length, runtime }, on, random);
        }),
      ),
    ),
  );
  return [header, ...machineRecords, ...cells];
}

const INPUT: InputSummary = {
  description: "lib.dom.d.ts, 2349483 bytes, heads that look for earlier text",
  heads: 4,
  kvHeads: 2,
  headDim: 64,
  valueDim: 64,
};

function machine(index: number): MachineRecord {
  return {
    record: "machine",
    id: ["1a2b3c4d", "5e6f7a8b", "9c0d1e2f"][index] ?? `machine-${index}`,
    cpu: ["a processor with two cores", "a processor of another kind"][index] ?? `processor ${index}`,
    cores: 2 + 2 * index,
    memoryBytes: 16e9,
    os: "linux 6.1.0 x64",
    node: "v24.0.0",
    saccade: "0.1.0",
    commit: "0123456789abcdef0123456789abcdef01234567",
    date: "2026-01-02T03:04:05.678Z",
    command: "saccade study --preset quick",
    peakGflops: 180 * (index + 1),
    peakGflopsOneThread: 92,
    readGBs: 21,
  };
}

function modelOf(id: string): Model {
  const found = MODELS[id];
  if (found === undefined)
    throw new RangeError(`studyFixture: expected one of ${Object.keys(MODELS).join(", ")}, got ${id}`);
  return found;
}

function cell(
  key: Pick<MeasuredCell, "variant" | "input" | "length" | "runtime">,
  on: MachineRecord,
  random: Seeded,
): CellRecord {
  const { variant, length, runtime } = key;
  const variantModel = modelOf(variant);
  const { heads, kvHeads, headDim } = INPUT;
  const noise = (size: number): number => Math.exp(size * random.normal());
  const slower = runtime === "wasm" ? 2.5 : runtime === "reference" ? 40 : 1;
  const keys = variantModel.keys?.(length);
  const ms = (0.15 + 1e3 * heads * length * (keys ?? 1) * variantModel.cost) * slower * (2 / on.cores) * noise(0.03);
  const unmeasured = (status: UnmeasuredCell["status"], reason: string): UnmeasuredCell => ({
    record: "cell",
    ...key,
    machine: on.id,
    status,
    reason,
  });
  if (ms > 1e3 * CELL_SECONDS) return unmeasured("too-slow", `a call would take about ${(ms / 1000).toFixed(0)} s`);
  if (variant === "big-bird" && length === 16_384) return unmeasured("out-of-memory", "stopped at 4.00 GB");
  if (variant === "gated-delta-net" && length === 512)
    return unmeasured("failed", "its process ended with signal SIGSEGV");
  const outputBytes = 4 * heads * length * headDim;
  const planBytes = outputBytes + 300_000 + (variantModel.family === "block-sparse" ? 160 * length : 0);
  const cacheTokens = variantModel.far ? length : Math.min(length, keys === undefined ? headDim / 2 : 2 * keys);
  const flops = heads * length * (keys === undefined ? 6 * headDim * headDim : 4 * headDim * keys);
  const gflops = flops / ms / 1e6;
  return {
    record: "cell",
    ...key,
    machine: on.id,
    status: "measured",
    ran: {
      runtime: runtime === "auto" ? "native" : runtime,
      instructionSet: runtime === "wasm" ? "simd128" : "avx2",
      threads: on.cores,
      notTaken: runtime === "wasm" ? ["native: not asked for"] : [],
    },
    prefill: {
      medianMs: ms,
      p75Ms: ms * 1.04,
      rme: 0.01 + 0.02 * random.uniform(),
      samples: 20,
      tokensPerSecond: (1e3 * length) / ms,
      flops,
      bytesRead: 4 * length * headDim * (heads + 2 * kvHeads),
      visitedPairs: keys === undefined ? undefined : Math.round(heads * length * keys),
      gflops,
      peakShare: gflops / on.peakGflops,
    },
    memory: {
      inputBytes: 4 * length * headDim * (heads + 2 * kvHeads),
      outputBytes,
      planBytes,
      peakBytes: planBytes + 8.4e6 * noise(0.02),
      runtimeBytes: 8e6,
      method: "high-water mark, reset",
      passes: 1,
    },
    decode: {
      medianMs: (0.03 + 2e-5 * cacheTokens) * slower * noise(0.03),
      p99Ms: (0.05 + 4e-5 * cacheTokens) * slower * noise(0.1),
      steps: 32,
      cacheBytes: 8 * kvHeads * cacheTokens * headDim,
    },
    accuracy: accuracy(variantModel, length, random),
    retrieval: {
      scored: 400,
      correct: Math.round(400 * (variantModel.far ? 0.99 : Math.min(0.99, (keys ?? 200) / length + 0.3))),
      farScored: 80,
      farCorrect: variantModel.far ? 79 : Math.round(80 * Math.min(1, (keys ?? 100) / length)),
    },
    needles: [0, 0.25, 0.5, 0.75, 1].map((depth) => needles(variantModel, length, depth, random)),
    tasks: TASKS.map((task, i) => ({
      task,
      trials: 8,
      score: variantModel.far ? 1 - 0.02 * i : Math.min(1, (2 * (keys ?? 150)) / length),
    })),
  };
}

function accuracy(of: Model, length: number, random: Seeded): Accuracy {
  const keys = of.keys?.(length);
  const seen = keys === undefined ? undefined : Math.min(1, of.exact ? 1 : 0.55 + (0.45 * (2 * keys)) / length);
  const relativeL2 = of.exact ? 1.5e-7 : keys === undefined ? 0.9 : Math.max(2e-7, (1 - (seen ?? 1)) * 0.8);
  return {
    rows: 64,
    notFiniteRows: 0,
    relativeL2: relativeL2 * Math.exp(0.05 * random.normal()),
    cosine: Math.sqrt(Math.max(0, 1 - Math.min(1, relativeL2) ** 2)),
    massRecall: seen,
    massRecallByHead:
      seen === undefined ? undefined : [0, 1, 2, 3].map((h) => Math.min(1, seen * (1 + 0.02 * (h - 1.5)))),
  };
}

function needles(of: Model, length: number, depth: number, random: Seeded): NeedleDepth {
  const trials = 8;
  const near = (1 - depth) * length <= 2 * (of.keys?.(length) ?? 300);
  const rate = of.far || near ? 0.97 : of.needsTraining ? 0.1 : 0.02;
  let found = 0;
  for (let trial = 0; trial < trials; trial++) if (random.uniform() < rate) found++;
  return { depth, trials, found };
}
