import type { CellRecord, MeasuredCell, TaskName } from "../cells/record.ts";
import { totals } from "./figures/needle-figures.ts";
import type { StudyResults } from "./results.ts";

/**
 * The cells as comma-separated values (RFC 4180): a header, lines that end with CR LF, fields quoted where they need it. Numbers are as they were
 * measured, in the unit that the name of the column says; what a cell does not have is empty.
 */
export function renderCsv({ study, cells }: StudyResults): string {
  const { needleDepths, tasks } = study.grid.measure;
  const columns: Column[] = [...COLUMNS, ...needleDepths.map(needleColumn), ...tasks.map(taskColumn)];
  const lines = cells.map((cell) =>
    [
      ...KEYS.map((key) => cell[key]),
      cell.status,
      cell.status === "measured" ? undefined : cell.reason,
      ...columns.map((column) => (cell.status === "measured" ? column.value(cell) : undefined)),
    ].map(field),
  );
  const head = [...KEYS, "status", "reason", ...columns.map((column) => column.name)].map(field);
  return [head, ...lines].map((fields) => `${fields.join(",")}\r\n`).join("");
}

const KEYS = ["variant", "input", "length", "runtime", "machine"] as const satisfies readonly (keyof CellRecord)[];

interface Column {
  readonly name: string;
  readonly value: (cell: MeasuredCell) => number | string | undefined;
}

const COLUMNS: readonly Column[] = [
  { name: "ran_on", value: (cell) => cell.ran.runtime },
  { name: "instruction_set", value: (cell) => cell.ran.instructionSet },
  { name: "threads", value: (cell) => cell.ran.threads },
  { name: "median_ms", value: (cell) => cell.prefill.medianMs },
  { name: "p75_ms", value: (cell) => cell.prefill.p75Ms },
  { name: "relative_margin_of_error", value: (cell) => cell.prefill.rme },
  { name: "samples", value: (cell) => cell.prefill.samples },
  { name: "tokens_per_second", value: (cell) => cell.prefill.tokensPerSecond },
  { name: "flops", value: (cell) => cell.prefill.flops },
  { name: "bytes_read", value: (cell) => cell.prefill.bytesRead },
  { name: "visited_pairs", value: (cell) => cell.prefill.visitedPairs },
  { name: "gflops", value: (cell) => cell.prefill.gflops },
  { name: "peak_share", value: (cell) => cell.prefill.peakShare },
  { name: "input_bytes", value: (cell) => cell.memory.inputBytes },
  { name: "output_bytes", value: (cell) => cell.memory.outputBytes },
  { name: "plan_bytes", value: (cell) => cell.memory.planBytes },
  { name: "peak_bytes", value: (cell) => cell.memory.peakBytes },
  { name: "runtime_bytes", value: (cell) => cell.memory.runtimeBytes },
  { name: "memory_method", value: (cell) => cell.memory.method },
  { name: "passes", value: (cell) => cell.memory.passes },
  { name: "decode_median_ms", value: (cell) => cell.decode?.medianMs },
  { name: "decode_p99_ms", value: (cell) => cell.decode?.p99Ms },
  { name: "decode_steps", value: (cell) => cell.decode?.steps },
  { name: "cache_bytes", value: (cell) => cell.decode?.cacheBytes },
  { name: "sampled_rows", value: (cell) => cell.accuracy?.rows },
  { name: "not_finite_rows", value: (cell) => cell.accuracy?.notFiniteRows },
  { name: "relative_l2", value: (cell) => cell.accuracy?.relativeL2 },
  { name: "cosine", value: (cell) => cell.accuracy?.cosine },
  { name: "mass_recall", value: (cell) => cell.accuracy?.massRecall },
  { name: "retrieval_scored", value: (cell) => cell.retrieval?.scored },
  { name: "retrieval_correct", value: (cell) => cell.retrieval?.correct },
  { name: "far_retrieval_scored", value: (cell) => cell.retrieval?.farScored },
  { name: "far_retrieval_correct", value: (cell) => cell.retrieval?.farCorrect },
  { name: "needle_trials", value: (cell) => some(totals(cell.needles)[1]) },
  { name: "needles_found", value: (cell) => some(totals(cell.needles)[1]) && totals(cell.needles)[0] },
];

function needleColumn(depth: number): Column {
  return {
    name: `needles_found_at_${depth}`,
    value: (cell) => cell.needles.find((needle) => needle.depth === depth)?.found,
  };
}

function taskColumn(task: TaskName): Column {
  return {
    name: `task_${task.replaceAll("-", "_")}`,
    value: (cell) => cell.tasks.find((score) => score.task === task)?.score,
  };
}

function some(count: number): number | undefined {
  return count === 0 ? undefined : count;
}

function field(value: number | string | undefined): string {
  const text = value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
