import type { InputSpec } from "../input/input.ts";
import type { CellKey, MeasuredCell, MeasureSettings } from "./record.ts";

/** What the process of a cell is asked. Plain data, as it is sent there. */
export interface CellJob {
  readonly kind: "cell";
  readonly key: CellKey;
  readonly input: InputSpec;
  /** The study's file, where it defines variants of its own. */
  readonly module: string | undefined;
  readonly seed: number;
  readonly measure: MeasureSettings;
  /** Bytes of queries, keys and values that are made at once; with more, heads are measured in groups, one after the other. */
  readonly inputBytesAtOnce: number;
  /** Where rows of dense attention are kept for the next cell. */
  readonly cacheFolder: string | undefined;
}

/** What it found. What a share of a machine's peak is, the study says. */
export type CellFindings = Omit<MeasuredCell, keyof CellKey | "record" | "machine" | "status" | "prefill"> & {
  readonly prefill: Omit<MeasuredCell["prefill"], "peakShare">;
};

/** What the process is at. */
export type CellStage = "opening" | "prefill" | "decoding" | "accuracy";
