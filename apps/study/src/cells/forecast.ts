import type { Candidate } from "@saccade/advisor";
import { bytes, seconds } from "../report/units.ts";
import { type CallSizes, inputBytes } from "./call-sizes.ts";
import { planPrompt, shapeOf } from "./pieces.ts";
import type { CellRecord, MachineRecord, MeasureSettings, UnmeasuredCell } from "./record.ts";

/** A call that warms up and of which memory is measured, and two that are timed: the least that a cell does. */
const CALLS = 3;

/** What a cell is expected to need. */
export interface Forecast {
  /** Bytes of inputs, and beyond them of a call. */
  readonly inputBytes: number;
  readonly planBytes: number;
  /** Milliseconds of one call over all heads; a bound from below where no shorter cell was measured. */
  readonly callMs: number;
}

/** What is known when a cell is to begin. */
export interface Circumstances {
  /** Earlier cells of the same variant, input and runtime, ascending in length. */
  readonly series: readonly CellRecord[];
  readonly machine: MachineRecord;
  readonly freeBytes: number;
  readonly measure: MeasureSettings;
}

/**
 * Foretells a cell's costs: memory by plan; time from the longest measured cell of its series by the ratio of operations, or else from
 * what the machine reaches at best.
 *
 * @param sizes All heads, and of them those that are made together.
 */
export function forecast(
  candidate: Candidate,
  sizes: { readonly all: CallSizes; readonly together: CallSizes },
  { series, machine }: Circumstances,
): Forecast {
  const { planBytes } = planPrompt(candidate, sizes.together);
  const { flops } = candidate.plan({ ...shapeOf(sizes.all), queries: sizes.all.length });
  const last = series.findLast((cell) => cell.status === "measured");
  const msPerFlop = last === undefined ? 1 / machine.peakGflops / 1e6 : last.prefill.medianMs / last.prefill.flops;
  return { inputBytes: inputBytes(sizes.together), planBytes, callMs: flops * msPerFlop };
}

/** Why a cell is not run; undefined for one that is. */
export function refusal(
  { inputBytes: inputs, planBytes, callMs }: Forecast,
  { series, freeBytes, measure: { cellBytes, cellSeconds } }: Circumstances,
): Pick<UnmeasuredCell, "status" | "reason"> | undefined {
  const shorter = series.at(-1);
  if (shorter?.status === "out-of-memory" || shorter?.status === "too-large") {
    return { status: "too-large", reason: `${shorter.length} tokens were too many: ${shorter.reason}` };
  }
  if (shorter?.status === "out-of-time" || shorter?.status === "too-slow") {
    return { status: "too-slow", reason: `${shorter.length} tokens took too long: ${shorter.reason}` };
  }
  if (inputs + planBytes > freeBytes) {
    return { status: "too-large", reason: `would hold ${bytes(inputs + planBytes)}, ${bytes(freeBytes)} are free` };
  }
  if (cellBytes !== undefined && planBytes > cellBytes) {
    return { status: "too-large", reason: `would hold ${bytes(planBytes)} beyond its inputs, of ${bytes(cellBytes)}` };
  }
  if (CALLS * callMs > 1000 * cellSeconds) {
    const reason = `would take about ${seconds(callMs)} a call, and ${CALLS} of them more than ${seconds(1000 * cellSeconds)}`;
    return { status: "too-slow", reason };
  }
  return undefined;
}
