import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { safetensorsParts } from "../safetensors/encode-safetensors.ts";
import type { TensorNumbers } from "../safetensors/safetensors-file.ts";

/**
 * Writes a safetensors file, tensor by tensor. It appears under its name when it is whole.
 *
 * @throws RangeError and TypeError when numbers do not fit their shapes and types, and what the file system throws.
 */
export function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, TensorNumbers>>,
  metadata?: Readonly<Record<string, string>>,
): void {
  const fresh = `${path}.${process.pid}.part`;
  const descriptor = openSync(fresh, "w");
  try {
    for (const part of safetensorsParts(tensors, metadata)) {
      for (let done = 0; done < part.length;) {
        done += writeSync(descriptor, part, done, Math.min(part.length - done, 1 << 30));
      }
    }
    closeSync(descriptor);
  } catch (error) {
    closeSync(descriptor);
    rmSync(fresh, { force: true });
    throw error;
  }
  renameSync(fresh, path);
}
