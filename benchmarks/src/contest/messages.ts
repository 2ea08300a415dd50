import type { CallShape } from "../measure/shape.ts";
import type { System } from "../systems/registry.ts";

/** What the parent asks of a child process, one request at a time. */
export type Request =
  | { readonly type: "prepare"; readonly system: System; readonly shape: CallShape }
  | { readonly type: "round"; readonly minMs: number };

/** How a child got ready: its first whole call has run and its result was compared with float64. */
export interface Ready {
  readonly firstMs: number;
  /** Megabytes of resident memory that the first call added at its peak, without its output. */
  readonly peakMemoryMB: number;
  /** null where there is nothing to compare. */
  readonly maxAbsError: number | null;
  /** Largest value of the rows that were compared. */
  readonly maxAbsReference: number | null;
  readonly note: string;
}

export interface Round {
  readonly calls: number;
  readonly medianMs: number;
  /** Processor time of a call, over all threads of the process; waiting for a processor does not count. */
  readonly cpuMs: number;
}

export type Reply =
  | { readonly type: "ready"; readonly ready: Ready }
  | { readonly type: "round"; readonly round: Round }
  | { readonly type: "failed"; readonly message: string };
