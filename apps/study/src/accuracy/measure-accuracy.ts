import type { Candidate } from "@saccade/advisor";
import type { MeasureSettings, MeasuredCell } from "../cells/record.ts";
import type { Input } from "../input/input.ts";
import { type AccuracyContext, BYTES_AT_ONCE } from "./accuracy-context.ts";
import { comparedOutput } from "./compared-output.ts";
import { headRangesOf } from "./head-ranges.ts";
import { measureNeedles } from "./needles.ts";
import { OutputComparison } from "./output-comparison.ts";
import { scaledSlice } from "./scaled-slice.ts";
import { measureTasks } from "./tasks/measure-tasks.ts";

/** What a cell records of how right its variant is. */
export type CellAccuracy = Pick<MeasuredCell, "accuracy" | "retrieval" | "needles" | "tasks">;

/**
 * Measures everything that a cell records of accuracy, with calls of its own. Who has the cell's outputs already gives them to an
 * `OutputComparison`, and calls `measureRetrieval` for the rest.
 *
 * Memory beyond what the candidate takes: queries, keys, values and output of as many heads as fit into `bytesAtOnce`, one at least.
 */
export async function measureAccuracy(
  candidate: Candidate,
  input: Input,
  length: number,
  settings: MeasureSettings,
  context: AccuracyContext,
): Promise<CellAccuracy> {
  const comparison = new OutputComparison(input, length, settings, context);
  if (settings.sampledRows > 0 && !context.outOfTime?.()) {
    const { positions } = comparison;
    for (const range of headRangesOf(input, length, context.bytesAtOnce ?? BYTES_AT_ONCE)) {
      const slice = scaledSlice(input, length, range);
      await comparison.add(range, slice, await comparedOutput(candidate, slice, positions, context));
    }
  }
  return { ...comparison.result(), ...(await measureRetrieval(candidate, input, length, settings, context)) };
}

/** Needles and tasks, which are constructed and the same for every input. None on captures, which stand for themselves. */
export async function measureRetrieval(
  candidate: Candidate,
  input: Input,
  length: number,
  settings: MeasureSettings,
  context: AccuracyContext,
): Promise<Pick<MeasuredCell, "needles" | "tasks">> {
  if (input.kind === "safetensors") return { needles: [], tasks: [] };
  return {
    needles: await measureNeedles(candidate, length, settings, context),
    tasks: await measureTasks(candidate, length, settings, context),
  };
}
