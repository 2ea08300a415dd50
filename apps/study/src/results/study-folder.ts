import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { CellRecord, MachineRecord, StudyHeader, StudyRecord } from "../cells/record.ts";
import { differenceOf } from "../grid/grid.ts";
import { UsageError } from "../settings/usage-error.ts";
import { openCellsFile } from "./cells-file.ts";
import { writing } from "./disk-error.ts";
import { lineOf, readRecords, type Records } from "./read-records.ts";
import { writeWhole } from "./whole-file.ts";

/** A study's folder that is being written. */
export interface StudyFolder extends Disposable {
  readonly path: string;
  readonly machines: readonly MachineRecord[];
  readonly cells: readonly CellRecord[];
  append(record: MachineRecord | CellRecord): void;
  /** All that is in its file of cells. */
  records(): StudyRecord[];
}

/** The file of cells in a study's folder. */
export function cellsPath(folder: string): string {
  return join(folder, "cells.jsonl");
}

/**
 * Begins a study's folder, or goes on in one.
 *
 * @throws UsageError when there is a folder and it is not to be resumed, or has another grid; Error when it cannot be written.
 */
export function openStudyFolder(path: string, header: StudyHeader, resume: boolean): StudyFolder {
  const file = cellsPath(path);
  let found: Records | undefined;
  if (existsSync(file)) {
    if (!resume) throw new UsageError(`${path} has results already: go on with --resume, or give it another --name`);
    found = readRecords(file);
    if (found.header.gridHash !== header.gridHash) throw otherGrid(path, found.header, header);
  } else {
    beginFolder(path, file, header);
  }
  const cells = [...(found?.cells ?? [])];
  const machines = [...(found?.machines ?? [])];
  const first = found?.header ?? header;
  const open = openCellsFile(file, found?.wholeBytes ?? Buffer.byteLength(lineOf(first)));
  return {
    path,
    machines,
    cells,
    append(record) {
      open.append(record);
      if (record.record === "machine") machines.push(record);
      else cells.push(record);
    },
    records: () => [first, ...machines, ...cells],
    [Symbol.dispose]: () => open[Symbol.dispose](),
  };
}

/** The latest folder of a grid among those in `out`; undefined where there is none. */
export function latestFolder(out: string, gridHash: string): string | undefined {
  if (!existsSync(out)) return undefined;
  return readdirSync(out)
    .map((name) => join(out, name))
    .filter((path) => existsSync(cellsPath(path)) && hasGrid(path, gridHash))
    .toSorted((a, b) => statSync(cellsPath(b)).mtimeMs - statSync(cellsPath(a)).mtimeMs)[0];
}

function hasGrid(path: string, gridHash: string): boolean {
  try {
    return readRecords(cellsPath(path)).header.gridHash === gridHash;
  } catch {
    // Of another version, or something else: not what is looked for.
    return false;
  }
}

function beginFolder(path: string, file: string, header: StudyHeader): void {
  writing(path, () => mkdirSync(path, { recursive: true }));
  // With its first line or not at all, so that a folder can be resumed at any instant.
  writeWhole(file, lineOf(header));
}

function otherGrid(path: string, found: StudyHeader, header: StudyHeader): UsageError {
  const difference = differenceOf(found.grid, header.grid) ?? "their hashes";
  return new UsageError(`${path} is of another grid, and cannot be resumed with this one: ${difference}`);
}
