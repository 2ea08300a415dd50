import { BYTES } from "./number-types.ts";

/** One tensor of a file, as its header describes it. */
export interface StoredTensor {
  /** As files name it: "F32", "F16", "BF16", "I64", ... */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte in the file, and one past the last. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes in front of the header: its length, little endian. */
export const LENGTH_BYTES = 8;
/** The format's own bound on the header. */
const MAX_HEADER = 100_000_000;

/**
 * The header's length from the first 8 bytes of a file of `size` bytes.
 *
 * @throws Error when there is no room for it, or it is beyond the format's bound of 100 MB.
 */
export function headerLength(where: string, first: Uint8Array, size: number): number {
  if (size < LENGTH_BYTES) throw broken(where, `${size} bytes are too few for a header length`);
  const length = new DataView(first.buffer, first.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length > MAX_HEADER)
    throw broken(where, `its header would be ${length} bytes long, the format allows ${MAX_HEADER}`);
  if (length > size - LENGTH_BYTES) {
    throw broken(where, `its header would be ${length} bytes long, the file has ${size}`);
  }
  return Number(length);
}

/**
 * Reads a header: JSON with an entry for each tensor. Tensors must cover the rest of the file one after the other, as the format
 * demands: none may overlap another, none may leave a hole, and each takes as many bytes as its shape and its type say.
 *
 * @param where names the file in errors.
 * @param text the JSON, which begins at byte 8 and takes `length` bytes of a file of `size`.
 * @throws Error saying what is wrong with it.
 */
export function parseHeader(where: string, text: Uint8Array, size: number): Header {
  const start = LENGTH_BYTES + text.length;
  const tensors = new Map<string, StoredTensor>();
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(parseJson(where, text))) {
    if (name === "__metadata__") {
      metadata = checkMetadata(where, entry);
      continue;
    }
    const { dtype, shape, begin, end } = checkEntry(where, name, entry);
    if (end > size - start) throw broken(where, `${name} ends at byte ${start + end}, the file has ${size}`);
    checkSpan(where, name, dtype, shape, end - begin);
    tensors.set(name, { dtype, shape, begin: start + begin, end: start + end });
  }
  checkCover(where, tensors, start, size);
  return { tensors, metadata };
}

function parseJson(where: string, text: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text));
  } catch (error) {
    throw broken(where, `its header is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  if (!isRecord(header)) throw broken(where, "its header is not an object");
  return header;
}

function checkMetadata(where: string, entry: unknown): Record<string, string> {
  if (isRecord(entry) && Object.values(entry).every((value) => typeof value === "string")) {
    return entry as Record<string, string>;
  }
  throw broken(where, "__metadata__ is not a map of strings");
}

function checkEntry(
  where: string,
  name: string,
  entry: unknown,
): { dtype: string; shape: number[]; begin: number; end: number } {
  if (!isRecord(entry)) throw broken(where, `the entry ${name} is not an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string") throw broken(where, `${name} has no dtype`);
  if (!isSizes(shape)) throw broken(where, `the shape of ${name} is not a list of sizes`);
  const [begin, end, ...more] = isSizes(offsets) ? offsets : [];
  if (begin === undefined || end === undefined || more.length > 0 || begin > end) {
    throw broken(where, `data_offsets of ${name} are not two ascending offsets`);
  }
  return { dtype, shape, begin, end };
}

/** What cannot be counted exactly fits no file. */
function checkSpan(where: string, name: string, dtype: string, shape: readonly number[], span: number): void {
  const bytes = BYTES.get(dtype);
  if (bytes === undefined) return;
  const needed = shape.reduce((product, axis) => product * axis, bytes);
  if (needed === span) return;
  throw broken(
    where,
    `${name} is ${dtype} [${shape.join(", ")}], which takes ${needed} bytes, but data_offsets span ${span}`,
  );
}

function checkCover(where: string, tensors: ReadonlyMap<string, StoredTensor>, start: number, size: number): void {
  const ordered = [...tensors].toSorted(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let covered = start;
  for (const [name, { begin, end }] of ordered) {
    if (begin < covered) throw broken(where, `${name} begins at byte ${begin}, inside of another tensor`);
    if (begin > covered) throw broken(where, `bytes ${covered} to ${begin} belong to no tensor`);
    covered = end;
  }
  if (covered < size) throw broken(where, `bytes ${covered} to ${size} belong to no tensor`);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function broken(where: string, reason: string): Error {
  return new Error(`safetensors: ${where}: ${reason}`);
}
