import type { MeasureSettings } from "../cells/record.ts";
import type { HeadSizes } from "../input/input.ts";

/** What a study measures when it is not told otherwise. */
export interface Preset extends HeadSizes {
  readonly description: string;
  readonly variants: readonly string[];
  readonly lengths: readonly number[];
  readonly measure: MeasureSettings;
}

export type PresetName = "quick" | "standard" | "long";

const K = 1024;

export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  quick: {
    description: "512 to 16384 tokens, about 2 minutes on 2 cores",
    variants: [
      "dense",
      "window:512",
      "window:512:sinks=4",
      "chunk:1024",
      "compressive-memory:1024",
      "big-bird:64",
      "top-k-blocks:64",
      "vertical-slash:256:slashes=64",
      "linear:elu",
      "gated-delta-net",
    ],
    lengths: [512, 1 * K, 2 * K, 4 * K, 8 * K, 16 * K],
    heads: 4,
    kvHeads: 2,
    headDim: 64,
    measure: {
      timeSeconds: 0.5,
      repeats: 30,
      decodeSteps: 100,
      sampledRows: 32,
      needleDepths: [0, 0.25, 0.5, 0.75, 1],
      needleTrials: 2,
      tasks: ["single", "multi-key"],
      cellSeconds: 30,
    },
  },
  standard: {
    description: "512 to 65536 tokens, for an evening",
    variants: [
      "dense",
      "window:1024",
      "window:1024:sinks=4",
      "chunk:4096",
      "segment-recurrence:1024",
      "dilated-segments:2048",
      "compressive-memory:2048",
      "longformer:512",
      "big-bird:64",
      "a-shape:1024",
      "top-k-blocks:64",
      "page-select:2048",
      "vertical-slash:1000",
      "linear:elu",
      "retention",
      "gated-delta-net",
      "kimi-delta",
      "rwkv7",
    ],
    lengths: [512, 1 * K, 2 * K, 4 * K, 8 * K, 16 * K, 32 * K, 64 * K],
    heads: 6,
    kvHeads: 3,
    headDim: 64,
    measure: {
      timeSeconds: 3,
      repeats: 50,
      decodeSteps: 300,
      sampledRows: 128,
      needleDepths: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
      needleTrials: 4,
      tasks: ["single", "multi-key", "multi-value", "variable-tracking"],
      cellSeconds: 300,
    },
  },
  long: {
    description: "65536 to 1048576 tokens, what does not grow with their square, less than 20 minutes on 2 cores",
    variants: ["window:1024:sinks=4", "chunk:4096", "a-shape:1024", "big-bird:64", "linear:elu", "gated-delta-net"],
    lengths: [64 * K, 256 * K, 1024 * K],
    heads: 2,
    kvHeads: 1,
    headDim: 64,
    measure: {
      timeSeconds: 3,
      repeats: 5,
      decodeSteps: 100,
      sampledRows: 16,
      needleDepths: [0, 0.5, 1],
      needleTrials: 1,
      tasks: [],
      cellSeconds: 600,
    },
  },
};
