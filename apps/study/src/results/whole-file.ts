import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { writing } from "./disk-error.ts";

/**
 * Writes a file so that nobody ever sees a part of it: under another name, to the disk, then renamed.
 *
 * @throws Error naming the file; nothing is left of it then, and an earlier one stays as it was.
 */
export function writeWhole(path: string, content: string | Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writing(path, () => {
    try {
      const descriptor = openSync(temporary, "w");
      try {
        writeFileSync(descriptor, content);
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
}
