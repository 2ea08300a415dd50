/** How a cache stores keys and values. Kernels widen them to f32 as they read them. */
export type StoredType = "f32" | "f16" | "bf16" | "i8";

/** Bytes of one stored number. */
export const STORED_BYTES: Readonly<Record<StoredType, number>> = { f32: 4, f16: 2, bf16: 2, i8: 1 };

/** Numbers of the stored types in kernels: `STORED_*` in job.h. */
export const STORED_CODE: Readonly<Record<StoredType, number>> = { f32: 0, f16: 1, bf16: 2, i8: 3 };

/** Numbers as they are stored: f16 and bf16 by their bits. */
export type StoredNumbers = Float32Array | Uint16Array | Int8Array;

/** The numbers behind a cache's floats. */
export function storedView(type: StoredType, { buffer, byteOffset, byteLength }: Float32Array): StoredNumbers {
  switch (type) {
    case "f32":
      return new Float32Array(buffer, byteOffset, byteLength / 4);
    case "i8":
      return new Int8Array(buffer, byteOffset, byteLength);
    default:
      return new Uint16Array(buffer, byteOffset, byteLength / 2);
  }
}

const INFINITE = 0x7f80_0000;

/** f32 bits to f16 bits, to the nearest, ties to even. */
export function f16Bits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fff_ffff;
  if (size > INFINITE) return sign | 0x7e00;
  // From 2^16 on; what lies just below is rounded up to Infinity by the addition below.
  if (size >= 0x4780_0000) return sign | 0x7c00;
  if (size >= 0x3880_0000) return sign | ((size - 0x3800_0000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
  // Below 2^-14 halves are multiples of 2^-24, and so are floats in [0.5, 1): adding 0.5 rounds.
  FLOAT[0] = valueOf(size) + 0.5;
  return sign | (WORD[0]! - 0x3f00_0000);
}

/** f32 bits to bf16 bits, to the nearest, ties to even. */
export function bf16Bits(bits: number): number {
  if ((bits & 0x7fff_ffff) > INFINITE) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The number that f16 bits stand for. */
export function f16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The number that bf16 bits stand for. */
export function bf16Value(bits: number): number {
  return valueOf(bits << 16);
}

const FLOAT: Float32Array = new Float32Array(1);
const WORD: Uint32Array = new Uint32Array(FLOAT.buffer);

function valueOf(bits: number): number {
  WORD[0] = bits;
  return FLOAT[0]!;
}

/**
 * Stores `count` rows of f32.
 *
 * int8 rows have the factor max |x| / 127 each; a row with NaN or Infinity becomes NaN.
 *
 * @param scales of int8 rows, from `scaleAt` on.
 */
export function storeRows(
  type: StoredType,
  from: Float32Array,
  fromAt: number,
  to: StoredNumbers,
  toAt: number,
  {
    count,
    width,
    scales,
    scaleAt,
  }: { count: number; width: number; scales: Float32Array | undefined; scaleAt: number },
): void {
  const numbers = count * width;
  switch (type) {
    case "f32":
      // A view of few numbers costs more than copying them one by one.
      if (numbers > FEW_NUMBERS) to.set(from.subarray(fromAt, fromAt + numbers), toAt);
      else for (let i = 0; i < numbers; i++) to[toAt + i] = from[fromAt + i]!;
      return;
    case "i8":
      for (let row = 0; row < count; row++) {
        scales![scaleAt + row] = storeInt8Row(from, fromAt + row * width, to as Int8Array, toAt + row * width, width);
      }
      return;
    default: {
      const bits = new Uint32Array(from.buffer, from.byteOffset + 4 * fromAt, numbers);
      const encode = type === "f16" ? f16Bits : bf16Bits;
      for (let i = 0; i < numbers; i++) to[toAt + i] = encode(bits[i]!);
    }
  }
}

const FEW_NUMBERS = 256;

function storeInt8Row(from: Float32Array, fromAt: number, to: Int8Array, toAt: number, width: number): number {
  let most = 0;
  for (let i = 0; i < width; i++) {
    const size = Math.abs(from[fromAt + i]!);
    // NaN is not less than anything, so it stays.
    most = size <= most ? most : size;
    if (Number.isNaN(size)) most = NaN;
  }
  const factor = Math.fround(most / 127);
  const steps = factor > 0 && Number.isFinite(factor) ? 1 / factor : 0;
  for (let i = 0; i < width; i++) to[toAt + i] = Math.round(from[fromAt + i]! * steps);
  return Number.isFinite(factor) ? factor : NaN;
}
