import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { basename } from "node:path";
import type { GridInput } from "../cells/record.ts";
import type { Input, InputSpec } from "../input/input.ts";

/** Files beyond this are known by their size, their first and their last bytes. */
const WHOLE_BYTES = 64 * 2 ** 20;
const PART_BYTES = 2 ** 20;

/** An input as a grid names it: its settings, and its file by its contents. */
export function inputIdentity(spec: InputSpec, { maxLength, heads, kvHeads, headDim, valueDim }: Input): GridInput {
  const sizes = { maxLength, heads, kvHeads, headDim, valueDim };
  if (spec.kind === "gaussian") return { ...spec, ...sizes };
  return { ...spec, file: basename(spec.file), contents: hashOfFile(spec.file), ...sizes };
}

function hashOfFile(file: string): string {
  const hash = createHash("sha256");
  const { size } = statSync(file);
  const parts =
    size <= WHOLE_BYTES
      ? [[0, size]]
      : [
          [0, PART_BYTES],
          [size - PART_BYTES, PART_BYTES],
        ];
  hash.update(String(size));
  const descriptor = openSync(file, "r");
  try {
    for (const [position, length] of parts as [number, number][]) {
      const bytes = Buffer.alloc(length);
      hash.update(bytes.subarray(0, readSync(descriptor, bytes, 0, length, position)));
    }
  } finally {
    closeSync(descriptor);
  }
  return hash.digest("hex").slice(0, 16);
}
