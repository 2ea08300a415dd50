import type { CellRecord, MachineRecord, StudyHeader, StudyRecord } from "../cells/record.ts";
import { type Conclusions, conclude, type Limits } from "../conclusions/conclude.ts";

/** The records of a study by kind. */
export interface StudyResults {
  readonly study: StudyHeader;
  /** In the order in which they joined. */
  readonly machines: readonly MachineRecord[];
  /** In the order of the grid: inputs, lengths, variants, runtimes. */
  readonly cells: readonly CellRecord[];
}

/** @throws RangeError when the records do not have exactly one header. */
export function resultsOf(records: readonly StudyRecord[]): StudyResults {
  const headers = records.filter((record) => record.record === "study");
  const [study] = headers;
  if (study === undefined || headers.length > 1) {
    throw new RangeError(`resultsOf: expected one header of a study, got ${headers.length}`);
  }
  const machines = new Map(
    records.flatMap((record) => (record.record === "machine" ? [[record.id, record] as const] : [])),
  );
  const { variants, lengths, inputs, runtimes } = study.grid;
  const inputNames = Object.keys(inputs);
  const rank = (cell: CellRecord): number[] => [
    inputNames.indexOf(cell.input),
    lengths.indexOf(cell.length),
    variants.indexOf(cell.variant),
    runtimes.indexOf(cell.runtime),
  ];
  const cells = records.filter((record) => record.record === "cell");
  return { study, machines: [...machines.values()], cells: cells.sort((a, b) => compare(rank(a), rank(b))) };
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, each] of a.entries()) {
    const difference = each - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Everything that a program reads of a study: what `--json` prints. */
export interface StudyJson extends StudyResults {
  readonly conclusions: Conclusions;
}

export function studyJson(records: readonly StudyRecord[], limits?: Limits): StudyJson {
  const results = resultsOf(records);
  return { ...results, conclusions: conclude(results.cells, limits) };
}
