import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { SafetensorsFile } from "../safetensors/safetensors-file.ts";

/**
 * A safetensors file on disk. Its header is read at once; numbers are read from their place when they are asked for, so that a file larger
 * than memory can be used tensor by tensor. The file is open only while it is read.
 *
 * @throws Error naming the file and what is wrong with it.
 */
export function openSafetensors(path: string): SafetensorsFile {
  const size = withFile(path, (descriptor) => fstatSync(descriptor).size);
  return new SafetensorsFile({
    name: path,
    size,
    read: (from, length) => withFile(path, (descriptor) => readBytes(path, descriptor, from, length)),
  });
}

function withFile<T>(path: string, use: (descriptor: number) => T): T {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`safetensors: cannot read ${path}: ${reason}`, { cause: error });
  }
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readBytes(path: string, descriptor: number, from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    // A single read takes less than 2 GB.
    const got = readSync(descriptor, bytes, done, Math.min(length - done, 1 << 30), from + done);
    if (got === 0) throw new Error(`safetensors: ${path}: the file ended at byte ${from + done} while it was read`);
    done += got;
  }
  return bytes;
}
