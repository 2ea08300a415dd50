import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Number formats that are widened to f32. */
export type StoredType = "F32" | "F16" | "BF16";

/** One tensor of a file, as its header describes it. */
export interface StoredTensor {
  readonly type: StoredType;
  readonly shape: readonly number[];
  /** First byte in the file. */
  readonly begin: number;
}

/** The header of a safetensors file. Numbers stay in the file until they are read. */
export interface SafetensorsFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Names of tensors in other formats, which cannot be read. */
  readonly unreadable: ReadonlyMap<string, string>;
  readonly metadata: Readonly<Record<string, string>>;
}

const BYTES: Readonly<Record<StoredType, number>> = { F32: 4, F16: 2, BF16: 2 };
/** The format's own bound on the header. */
const MAX_HEADER = 100_000_000;

/**
 * Reads the header of a safetensors file: 8 bytes of header length (little endian), JSON, then the numbers.
 *
 * @throws Error naming the file and what is wrong with it.
 */
export function openSafetensors(path: string): SafetensorsFile {
  const descriptor = openFile(path);
  try {
    const size = fstatSync(descriptor).size;
    if (size < 8) throw broken(path, `${size} bytes are too few for a header length`);
    const length = Number(readBytes(descriptor, 0, 8).readBigUInt64LE());
    if (length > MAX_HEADER || length > size - 8) {
      throw broken(path, `its header would be ${length} bytes long, the file has ${size}`);
    }
    return parseHeader(path, readBytes(descriptor, 8, length).toString("utf8"), 8 + length, size);
  } finally {
    closeSync(descriptor);
  }
}

/** Reads `into.length` numbers from element `first` on, widened to f32. */
export function readNumbers(file: SafetensorsFile, stored: StoredTensor, first: number, into: Float32Array): void {
  const descriptor = openFile(file.path);
  try {
    const bytes = BYTES[stored.type];
    const chunk = 1 << 20;
    for (let done = 0; done < into.length; done += chunk) {
      const count = Math.min(chunk, into.length - done);
      const raw = readBytes(descriptor, stored.begin + (first + done) * bytes, count * bytes);
      widen(stored.type, raw, into.subarray(done, done + count));
    }
  } finally {
    closeSync(descriptor);
  }
}

/** A bfloat16 is the upper half of an f32. */
export function bf16ToF32(bits: number): number {
  scratchBits[0] = bits << 16;
  return scratch[0]!;
}

/** IEEE 754 binary16. */
export function f16ToF32(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

function widen(type: StoredType, raw: Buffer, into: Float32Array): void {
  for (let i = 0; i < into.length; i++) {
    if (type === "F32") into[i] = raw.readFloatLE(4 * i);
    else into[i] = type === "F16" ? f16ToF32(raw.readUInt16LE(2 * i)) : bf16ToF32(raw.readUInt16LE(2 * i));
  }
}

function parseHeader(path: string, text: string, dataStart: number, size: number): SafetensorsFile {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw broken(path, `its header is not JSON (${(error as Error).message})`);
  }
  if (!isRecord(header)) throw broken(path, "its header is not an object");
  const tensors = new Map<string, StoredTensor>();
  const unreadable = new Map<string, string>();
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") {
      if (!isRecord(entry) || Object.values(entry).some((value) => typeof value !== "string")) {
        throw broken(path, "__metadata__ is not a map of strings");
      }
      metadata = entry as Record<string, string>;
      continue;
    }
    const { dtype, shape, begin, end } = checkedEntry(path, name, entry);
    if (dataStart + end > size) {
      throw broken(path, `${name} ends at byte ${dataStart + end}, the file has ${size}`);
    }
    if (!isStoredType(dtype)) {
      unreadable.set(name, dtype);
      continue;
    }
    const count = shape.reduce((product, axis) => product * axis, 1);
    if (end - begin !== count * BYTES[dtype]) {
      throw broken(
        path,
        `${name} is ${dtype} [${shape.join(", ")}], which takes ${count * BYTES[dtype]} bytes, but data_offsets span ${end - begin}`,
      );
    }
    tensors.set(name, { type: dtype, shape, begin: dataStart + begin });
  }
  return { path, tensors, unreadable, metadata };
}

function checkedEntry(
  path: string,
  name: string,
  entry: unknown,
): { dtype: string; shape: number[]; begin: number; end: number } {
  if (!isRecord(entry)) throw broken(path, `the entry ${name} is not an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string") throw broken(path, `${name} has no dtype`);
  if (!isSizes(shape)) throw broken(path, `the shape of ${name} is not a list of sizes`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw broken(path, `data_offsets of ${name} are not two ascending offsets`);
  }
  return { dtype, shape, begin: offsets[0]!, end: offsets[1]! };
}

function openFile(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw new Error(`safetensors: cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function readBytes(descriptor: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const got = readSync(descriptor, bytes, done, length - done, position + done);
    if (got === 0) throw new Error(`safetensors: the file ended at byte ${position + done} while it was read`);
    done += got;
  }
  return bytes;
}

function isStoredType(dtype: string): dtype is StoredType {
  return dtype in BYTES;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function broken(path: string, reason: string): Error {
  return new Error(`safetensors: ${path}: ${reason}`);
}
