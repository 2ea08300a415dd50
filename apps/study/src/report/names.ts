import type { CellRecord } from "../cells/record.ts";
import type { StudyResults } from "./results.ts";

/** What tells a series from others in words: its variant, and its runtime and machine where a study has several. */
export function nameOf(
  { study, machines }: StudyResults,
  { variant, runtime, machine }: Pick<CellRecord, "variant" | "runtime" | "machine">,
): string {
  return [
    variant,
    ...(study.grid.runtimes.length > 1 ? [runtime] : []),
    ...(machines.length > 1 ? [machineName(machines, machine)] : []),
  ].join(", ");
}

/** "machine A" for the first. */
export function machineName(machines: StudyResults["machines"], id: string): string {
  const at = machines.findIndex((machine) => machine.id === id);
  return at < 0 ? `machine ${id}` : `machine ${at < 26 ? String.fromCodePoint(65 + at) : at + 1}`;
}

/** Why a cell has no numbers. */
export function reasonText(cell: CellRecord): string {
  return cell.status === "measured" ? "" : `${STATUS_WORDS[cell.status]}: ${cell.reason}`;
}

export const STATUS_WORDS: Readonly<Record<CellRecord["status"], string>> = {
  measured: "measured",
  "too-large": "too large, not run",
  "too-slow": "too slow, not run",
  "out-of-memory": "out of memory",
  "out-of-time": "out of time",
  failed: "failed",
};
