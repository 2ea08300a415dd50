import type { CellRecord, MeasuredCell } from "../cells/record.ts";
import { totals } from "./figures/needle-figures.ts";
import { machineName } from "./names.ts";
import type { StudyResults } from "./results.ts";
import { bytes, digits, error, percent, seconds, tokens } from "./units.ts";

/** A column of a table of cells, the same on the page, in Markdown and in the terminal. */
export interface CellColumn {
  readonly title: string;
  /** What it means, in a few words. */
  readonly meaning: string;
  readonly kind: "text" | "number";
  readonly text: (cell: MeasuredCell) => string;
  /** What rows are sorted by; `text` where it is none. */
  readonly value?: (cell: MeasuredCell) => number | undefined;
}

/** Columns that say which cell it is. They are there for cells without numbers as well. */
export interface KeyColumn {
  readonly title: string;
  readonly kind: "text" | "number";
  readonly text: (cell: CellRecord) => string;
  readonly value?: (cell: CellRecord) => number;
}

/** Inputs, runtimes and machines have a column where there are several. */
export function keyColumns({ study, machines }: StudyResults): KeyColumn[] {
  return [
    { title: "tokens", kind: "number", text: (cell) => tokens(cell.length), value: (cell) => cell.length },
    { title: "variant", kind: "text", text: (cell) => cell.variant },
    ...(Object.keys(study.grid.inputs).length > 1
      ? [{ title: "input", kind: "text", text: (cell: CellRecord) => cell.input } as const]
      : []),
    ...(study.grid.runtimes.length > 1
      ? [{ title: "runtime", kind: "text", text: (cell: CellRecord) => cell.runtime } as const]
      : []),
    ...(machines.length > 1
      ? [{ title: "machine", kind: "text", text: (cell: CellRecord) => machineName(machines, cell.machine) } as const]
      : []),
  ];
}

/** Those for which some cell has a number. */
export function cellColumns(cells: readonly CellRecord[]): CellColumn[] {
  const measured = cells.filter((cell) => cell.status === "measured");
  return COLUMNS.filter((column) => measured.some((cell) => column.value?.(cell) !== undefined));
}

const number = (
  title: string,
  meaning: string,
  value: (cell: MeasuredCell) => number | undefined,
  format: (value: number) => string,
): CellColumn => ({
  title,
  meaning,
  kind: "number",
  value,
  text: (cell) => {
    const found = value(cell);
    return found === undefined ? "–" : format(found);
  },
});

const COLUMNS: readonly CellColumn[] = [
  number("time", "median of a prefill", (cell) => cell.prefill.medianMs, seconds),
  number("±", "relative margin of error of the mean, 95%", (cell) => cell.prefill.rme, percent),
  number("tokens/s", "of a prefill", (cell) => cell.prefill.tokensPerSecond, count),
  number("GFLOP/s", "operations by plan over the median time", (cell) => cell.prefill.gflops, digits),
  number("of peak", "GFLOP/s as a share of the machine's measured peak", (cell) => cell.prefill.peakShare, percent),
  number("memory", "peak of a prefill beyond its inputs, with the runtime", (cell) => cell.memory.peakBytes, bytes),
  number("by plan", "output and workspace by analysis", (cell) => cell.memory.planBytes, bytes),
  number("step", "median of a decoding step after as many tokens", (cell) => cell.decode?.medianMs, seconds),
  number("step p99", "99th percentile of a decoding step", (cell) => cell.decode?.p99Ms, seconds),
  number("cache", "bytes of a decoder's cache", (cell) => cell.decode?.cacheBytes, bytes),
  number("error", "relative L2 distance from dense attention in float64", (cell) => cell.accuracy?.relativeL2, error),
  number(
    "cosine",
    "with dense attention, mean over rows",
    (cell) => cell.accuracy?.cosine,
    (value) => value.toFixed(4),
  ),
  number("mass", "share of dense attention's mass on visible keys", (cell) => cell.accuracy?.massRecall, percent),
  number("needles", "needles found, all depths", needlesFound, percent),
  number("tasks", "mean score of the tasks like RULER's", meanTask, percent),
  number("retrieved", "next tokens retrieved on text", retrieved, percent),
];

function needlesFound({ needles }: MeasuredCell): number | undefined {
  const [found, trials] = totals(needles);
  return trials === 0 ? undefined : found / trials;
}

function meanTask({ tasks }: MeasuredCell): number | undefined {
  return tasks.length === 0 ? undefined : tasks.reduce((sum, task) => sum + task.score, 0) / tasks.length;
}

function retrieved({ retrieval }: MeasuredCell): number | undefined {
  return retrieval === undefined || retrieval.scored === 0 ? undefined : retrieval.correct / retrieval.scored;
}

/** 1.2M, 350k, 42: counts of what is not tokens of a context are in powers of 1000. */
function count(value: number): string {
  if (value >= 1e6) return `${digits(value / 1e6)}M`;
  if (value >= 1e3) return `${digits(value / 1e3)}k`;
  return digits(value);
}
