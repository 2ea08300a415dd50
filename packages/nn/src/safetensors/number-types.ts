import { bf16Bits, bf16Value, f16Bits, f16Value } from "@saccade/core/variants";
import type { WeightType } from "@saccade/core";

/** Numbers as they are stored: f16 and bf16 by their bits. */
export type NumberArray = Float32Array | Uint16Array;

/** Names of the number formats in files. */
export const TYPE_NAMES: Readonly<Record<WeightType, string>> = { f32: "F32", f16: "F16", bf16: "BF16" };

/** Formats that are read, by their names in files. */
export const TYPES: ReadonlyMap<string, WeightType> = new Map([
  ["F32", "f32"],
  ["F16", "f16"],
  ["BF16", "bf16"],
]);

/** Bytes of every format of files, whether it is read or not; formats of less than a byte are unknown here. */
export const BYTES: ReadonlyMap<string, number> = new Map([
  ...["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"].map((name) => [name, 1] as const),
  ...["U16", "I16", "F16", "BF16"].map((name) => [name, 2] as const),
  ...["U32", "I32", "F32"].map((name) => [name, 4] as const),
  ...["U64", "I64", "F64", "C64"].map((name) => [name, 8] as const),
]);

/** Numbers of a format as f32. f32 is not copied. */
export function widen(type: WeightType, numbers: NumberArray): Float32Array {
  if (numbers instanceof Float32Array) return numbers;
  return Float32Array.from(numbers, type === "f16" ? f16Value : bf16Value);
}

/** f32 numbers in a format, to the nearest, ties to even. f32 is not copied. */
export function narrow(type: WeightType, numbers: Float32Array): NumberArray {
  if (type === "f32") return numbers;
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  return Uint16Array.from(bits, type === "f16" ? f16Bits : bf16Bits);
}
