import {
  checkHeads,
  checkLength,
  checkSize,
  checkTensors,
  checkWidth,
  MAX_LENGTH,
  type AttentionShape,
} from "../shape.ts";
import { STORED_BYTES } from "../stored.ts";
import { describe } from "../tensor.ts";
import type { DecoderInputs, DecoderOptions } from "./decoder.ts";
import type { CacheSizes } from "./token-cache.ts";

/** The sizes of a decoder, with defaults filled in. `keepsSome`: its cache keeps the last tokens only. */
export function checkDecoder(
  where: string,
  options: DecoderOptions,
  keepsSome: boolean,
): Omit<CacheSizes, "rows"> & { readonly capacity: number; readonly rewindable: number } {
  const { heads, headDim } = options;
  const { batch = 1, kvHeads = heads, valueDim = headDim, dtype = "f32" } = options;
  const capacity = options.capacity ?? (keepsSome ? MAX_LENGTH : Number.NaN);
  const rewindable = options.rewindable ?? (keepsSome ? 0 : capacity);
  if (!Object.hasOwn(STORED_BYTES, dtype)) {
    throw new TypeError(`${where}: dtype is ${describe(dtype)}, expected "f32", "f16", "bf16" or "i8"`);
  }
  checkSize(where, "batch", batch, 0);
  checkSize(where, "heads", heads, 0);
  checkSize(where, "kvHeads", kvHeads, 0);
  checkHeads(where, "options", heads, kvHeads);
  checkSize(where, "headDim", headDim, 0);
  checkWidth(where, "options", "D", headDim);
  checkSize(where, "valueDim", valueDim, 0);
  checkWidth(where, "options", "E", valueDim);
  checkSize(where, "capacity", capacity, 0);
  checkLength(where, "options", "capacity", capacity);
  checkSize(where, "rewindable", rewindable, 0);
  return { batch, kvHeads, headDim, valueDim, dtype, capacity, rewindable };
}

/** The sizes of new tokens, whose keys are those of the cache with them. `some`: queries may be those of the last tokens alone. */
export function checkTokens(
  where: string,
  { q, k, v }: DecoderInputs,
  expected: Pick<AttentionShape, "batch" | "heads" | "kvHeads" | "headDim" | "valueDim">,
  length: number,
  capacity: number,
  some = false,
): AttentionShape {
  const shape = checkTensors(where, q, k, v);
  for (const size of ["batch", "heads", "kvHeads", "headDim", "valueDim"] as const) {
    if (shape[size] !== expected[size]) {
      throw new RangeError(`${where}: ${size} is ${shape[size]}, the decoder was made for ${expected[size]}`);
    }
  }
  if (some ? shape.queries > shape.keys : shape.queries !== shape.keys) {
    const most = some ? ", expected no more" : "";
    throw new RangeError(`${where}: q has N = ${shape.queries} tokens, k has ${shape.keys}${most}`);
  }
  const keys = length + shape.keys;
  if (keys > capacity) throw new RangeError(`${where}: cache full: capacity ${capacity}, asked for ${keys}`);
  return { ...shape, keys };
}
