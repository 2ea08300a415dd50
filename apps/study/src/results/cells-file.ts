import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from "node:fs";
import type { StudyRecord } from "../cells/record.ts";
import { writing } from "./disk-error.ts";
import { lineOf } from "./read-records.ts";

/** A file of cells that grows by whole lines, each on the disk before the next begins. */
export interface CellsFile extends Disposable {
  /** @throws Error naming the file; what was written of the line is taken back. */
  append(record: StudyRecord): void;
}

/**
 * Opens a file whose first lines are there.
 *
 * @param wholeBytes Where the last whole line ends: what follows is cut off.
 */
export function openCellsFile(path: string, wholeBytes: number): CellsFile {
  const descriptor = writing(path, () => openSync(path, "r+"));
  let end = wholeBytes;
  const cut = (): void => {
    if (fstatSync(descriptor).size > end) ftruncateSync(descriptor, end);
  };
  try {
    writing(path, cut);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  return {
    append(record) {
      const line = Buffer.from(lineOf(record));
      writing(path, () => {
        try {
          for (let done = 0; done < line.length;) {
            done += writeSync(descriptor, line, done, line.length - done, end + done);
          }
          fsyncSync(descriptor);
        } catch (error) {
          takeBack(cut);
          throw error;
        }
      });
      end += line.length;
    },
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}

/** What cannot be taken back is a line without an end, which readers leave out. */
function takeBack(cut: () => void): void {
  try {
    cut();
  } catch {
    // The error of the write is the one to tell.
  }
}
