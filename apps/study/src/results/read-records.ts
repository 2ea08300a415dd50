import { readFileSync } from "node:fs";
import type { CellRecord, MachineRecord, StudyHeader, StudyRecord } from "../cells/record.ts";

/** What a file of cells holds. */
export interface Records {
  readonly header: StudyHeader;
  readonly machines: readonly MachineRecord[];
  readonly cells: readonly CellRecord[];
  /** Bytes up to the end of the last whole line. */
  readonly wholeBytes: number;
}

/**
 * Reads a file of cells. A last line without an end was being written when its process ended; it is left out.
 *
 * @throws Error naming the file and the line that is wrong.
 */
export function readRecords(path: string): Records {
  const content = readContent(path);
  const wholeBytes = content.lastIndexOf(0x0a) + 1;
  const lines = content.subarray(0, wholeBytes).toString("utf8").split("\n").slice(0, -1);
  const records = lines.map((line, at) => parseRecord(`${path}:${at + 1}`, line));
  const [header, ...rest] = records;
  if (header?.record !== "study") throw new Error(`${path}: its first line is no study`);
  if (header.version !== 2) throw new Error(`${path}: its version is ${String(header.version)}, expected 2`);
  const machines: MachineRecord[] = [];
  const cells: CellRecord[] = [];
  for (const [at, record] of rest.entries()) {
    if (record.record === "machine") machines.push(record);
    else if (record.record === "cell") cells.push(record);
    else throw new Error(`${path}:${at + 2}: there is a second study`);
  }
  return { header, machines, cells, wholeBytes };
}

/** All records in the order in which a file has them. */
export function linesOf({ header, machines, cells }: Omit<Records, "wholeBytes">): StudyRecord[] {
  return [header, ...machines, ...cells];
}

/** One record as a line. */
export function lineOf(record: StudyRecord): string {
  return `${JSON.stringify(record)}\n`;
}

function readContent(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

const FIELDS: Readonly<Record<StudyRecord["record"], readonly string[]>> = {
  study: ["version", "name", "gridHash", "grid", "variants", "inputs"],
  machine: ["id", "cpu", "cores"],
  cell: ["machine", "variant", "input", "length", "runtime", "status"],
};

function parseRecord(where: string, line: string): StudyRecord {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error(`${where}: is not JSON`);
  }
  const kind = (Object(value) as Partial<StudyRecord>).record;
  if (kind === undefined || !Object.hasOwn(FIELDS, kind)) throw new Error(`${where}: is no record of a study`);
  const missing = FIELDS[kind].find((field) => !Object.hasOwn(value as object, field));
  if (missing !== undefined) throw new Error(`${where}: has no "${missing}"`);
  return value as StudyRecord;
}
