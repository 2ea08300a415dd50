import { createHash, type Hash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";
import type { Slice } from "../input/input.ts";
import { denseRows, type DenseRows } from "./dense-rows.ts";

/** Raised when the rows would come out differently for the same numbers. */
const FORMAT = "saccade dense rows 1";
const DIGEST_BYTES = 32;
/** Floats hashed at once: OpenSSL takes at most 2^31 bytes. */
const CHUNK_FLOATS = 2 ** 24;
const GATHERED_ROWS = 4096;

/**
 * `denseRows`, kept in files, as every variant of a study is compared with the same rows. A file is found by the hash of everything that
 * decides it: sizes, positions, the queries at them, all keys and all values, so that no change of an input or of how it is made can find
 * another's rows. A file holds
 *
 * ```text
 *   sha256 of the rest | the key | out [P, H, E] | lse [P, H]      float64 in the machine's order
 * ```
 *
 * and one that is cut off, damaged or another's is computed anew. It is written under another name and then renamed, so that no
 * reader meets half of it. Where it cannot be written, the next cell computes the rows again.
 *
 * @param folder Where the files are; undefined to keep none.
 */
export async function cachedDenseRows(
  slice: Slice,
  positions: readonly number[],
  folder: string | undefined,
  signal?: AbortSignal,
): Promise<DenseRows> {
  if (folder === undefined) return denseRows(slice, positions, signal);
  const key = keyOf(slice, positions);
  const file = join(folder, `${key.toString("hex").slice(0, 40)}.rows`);
  const found = readRows(file, key, positions.length * slice.q.heads, slice.v.width);
  if (found) return found;
  const rows = await denseRows(slice, positions, signal);
  writeRows(folder, file, key, rows);
  return rows;
}

function keyOf({ q, k, v }: Slice, positions: readonly number[]): Buffer {
  const hash = createHash("sha256");
  const shape = [q, k, v].map(({ heads, width }) => [heads, width]);
  hash.update(`${JSON.stringify({ format: FORMAT, shape, positions })}\n`);
  for (const position of positions) hashRows(hash, q, position, position + 1);
  const visible = (positions.at(-1) ?? -1) + 1;
  hashRows(hash, k, 0, visible);
  hashRows(hash, v, 0, visible);
  return hash.digest();
}

/** Numbers of the tokens from `first` to `end`, head after head in either layout. */
function hashRows(hash: Hash, view: Tensor, first: number, end: number): void {
  const { heads, width, offset, strides } = view;
  const numbers = floatsOf(view);
  const gathered = new Float32Array(strides.n === width ? 0 : GATHERED_ROWS * width);
  for (let h = 0; h < heads; h++) {
    const start = offset + h * strides.h;
    if (strides.n === width) {
      hashFloats(hash, numbers, start + first * width, (end - first) * width);
      continue;
    }
    for (let n = first; n < end; n += GATHERED_ROWS) {
      const rows = Math.min(GATHERED_ROWS, end - n);
      for (let row = 0; row < rows; row++) {
        const at = start + (n + row) * strides.n;
        gathered.set(numbers.subarray(at, at + width), row * width);
      }
      hashFloats(hash, gathered, 0, rows * width);
    }
  }
}

function hashFloats(hash: Hash, numbers: Float32Array, from: number, count: number): void {
  for (let at = from; at < from + count; at += CHUNK_FLOATS) {
    const part = numbers.subarray(at, Math.min(at + CHUNK_FLOATS, from + count));
    hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  }
}

function readRows(file: string, key: Buffer, rows: number, valueDim: number): DenseRows | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return undefined;
  }
  const numbers = rows * (valueDim + 1);
  if (bytes.length !== 2 * DIGEST_BYTES + 8 * numbers) return undefined;
  const content = bytes.subarray(DIGEST_BYTES);
  if (!digest(content).equals(bytes.subarray(0, DIGEST_BYTES))) return undefined;
  if (!content.subarray(0, DIGEST_BYTES).equals(key)) return undefined;
  const all = new Float64Array(new Uint8Array(content.subarray(DIGEST_BYTES)).buffer);
  return { out: all.slice(0, rows * valueDim), lse: all.slice(rows * valueDim) };
}

function writeRows(folder: string, file: string, key: Buffer, { out, lse }: DenseRows): void {
  const content = Buffer.concat([key, bytesOf(out), bytesOf(lse)]);
  const temporary = `${file}.${randomUUID()}`;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(temporary, Buffer.concat([digest(content), content]));
    renameSync(temporary, file);
  } catch {
    // A folder that is full or cannot be written costs time, not results.
    removeIfThere(temporary);
  }
}

function removeIfThere(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // Nothing was begun there.
  }
}

function digest(content: Uint8Array): Buffer {
  return createHash("sha256").update(content).digest();
}

function bytesOf(numbers: Float64Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
