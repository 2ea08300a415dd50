import type { CellKey, CellRecord, MachineRecord, StudyHeader } from "../cells/record.ts";
import { cellId, cellsOf, differenceOf } from "../grid/grid.ts";
import type { Records } from "./read-records.ts";

/** Several parts of one grid as one study. */
export interface MergedStudy extends Omit<Records, "wholeBytes"> {
  /** Cells of the grid that no part has. */
  readonly missing: readonly CellKey[];
}

/**
 * Puts shards together: the cells in the order of the grid, each with the machine that it ran on.
 *
 * @param parts With the name of each, for errors.
 * @throws Error when grids differ, or two parts have the same cell.
 */
export function mergeStudies(parts: readonly { readonly name: string; readonly records: Records }[]): MergedStudy {
  const [first] = parts;
  if (first === undefined) throw new Error("merge: expected at least one study");
  const cells = new Map<string, { readonly cell: CellRecord; readonly from: string }>();
  const machines = new Map<string, MachineRecord>();
  for (const { name, records } of parts) {
    if (records.header.gridHash !== first.records.header.gridHash) {
      const difference = differenceOf(first.records.header.grid, records.header.grid) ?? "their hashes";
      throw new Error(`merge: ${first.name} and ${name} are of different grids: ${difference}`);
    }
    for (const machine of records.machines) if (!machines.has(machine.id)) machines.set(machine.id, machine);
    for (const cell of records.cells) {
      const id = cellId(cell);
      const other = cells.get(id);
      if (other !== undefined) throw new Error(`merge: ${other.from} and ${name} both have ${inWords(cell)}`);
      cells.set(id, { cell, from: name });
    }
  }
  const { header } = first.records;
  const keys = cellsOf(header.grid);
  return {
    header,
    machines: [...machines.values()],
    cells: keys.flatMap((key) => cells.get(cellId(key))?.cell ?? []),
    missing: keys.filter((key) => !cells.has(cellId(key))),
  };
}

/** A cell as people name it. */
export function inWords({ variant, input, length, runtime }: CellKey): string {
  return `${variant}, ${length} tokens of ${input}, ${runtime}`;
}

/** The same study under another name. */
export function renamed(header: StudyHeader, name: string): StudyHeader {
  return { ...header, name };
}
