import { Unsupported } from "./unsupported.ts";

/** Element types of ONNX tensors that the runner reads, by their name in the format. */
export type ElementType =
  | "float"
  | "uint8"
  | "int8"
  | "uint16"
  | "int16"
  | "int32"
  | "int64"
  | "bool"
  | "float16"
  | "double"
  | "uint32"
  | "bfloat16";

interface Element {
  readonly code: number;
  readonly bytes: number;
  /** Little-endian. */
  readonly read: (view: DataView, byteOffset: number) => number;
  /** The nearest value of the type. */
  readonly round: (value: number) => number;
}

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

const half = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
};

const roundHalf = (value: number): number => {
  if (!Number.isFinite(value) || value === 0) return value;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(value))), -14);
  const step = 2 ** (exponent - 10);
  const rounded = roundToEven(value / step) * step;
  return Math.abs(rounded) > 65504 ? Math.sign(value) * Infinity : rounded;
};

const roundToEven = (value: number): number => {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low;
};

const bfloat = (bits: number): number => {
  floatBits[0] = bits << 16;
  return float[0]!;
};

const roundBfloat = (value: number): number => {
  if (!Number.isFinite(value)) return value;
  float[0] = value;
  const bits = floatBits[0]!;
  return bfloat(((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff);
};

const same = (value: number): number => value;

const ELEMENTS: Readonly<Record<ElementType, Element>> = {
  float: { code: 1, bytes: 4, read: (view, at) => view.getFloat32(at, true), round: Math.fround },
  uint8: { code: 2, bytes: 1, read: (view, at) => view.getUint8(at), round: same },
  int8: { code: 3, bytes: 1, read: (view, at) => view.getInt8(at), round: same },
  uint16: { code: 4, bytes: 2, read: (view, at) => view.getUint16(at, true), round: same },
  int16: { code: 5, bytes: 2, read: (view, at) => view.getInt16(at, true), round: same },
  int32: { code: 6, bytes: 4, read: (view, at) => view.getInt32(at, true), round: same },
  int64: { code: 7, bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)), round: same },
  bool: { code: 9, bytes: 1, read: (view, at) => (view.getUint8(at) === 0 ? 0 : 1), round: same },
  float16: { code: 10, bytes: 2, read: (view, at) => half(view.getUint16(at, true)), round: roundHalf },
  double: { code: 11, bytes: 8, read: (view, at) => view.getFloat64(at, true), round: same },
  uint32: { code: 12, bytes: 4, read: (view, at) => view.getUint32(at, true), round: same },
  bfloat16: { code: 16, bytes: 2, read: (view, at) => bfloat(view.getUint16(at, true)), round: roundBfloat },
};

const byCode = new Map(Object.entries(ELEMENTS).map(([name, element]) => [element.code, name as ElementType]));

/** The element type with this number in the format. */
export function elementType(code: number): ElementType {
  const name = byCode.get(code);
  if (name === undefined) throw new Unsupported(`tensor element type ${code}`);
  return name;
}

/** Values of little-endian packed bytes. */
export function readElements(type: ElementType, bytes: Uint8Array, count: number): Float64Array {
  const element = ELEMENTS[type];
  if (bytes.byteLength !== count * element.bytes) {
    throw new RangeError(`tensor data: expected ${count} x ${element.bytes} bytes, got ${bytes.byteLength}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: count }, (_, i) => element.read(view, i * element.bytes));
}

/** Values of 16-bit floats that the format keeps as their bits in a list of ints. */
export function readHalfBits(type: "float16" | "bfloat16", bits: ArrayLike<number>): Float64Array {
  return Float64Array.from(bits, type === "float16" ? half : bfloat);
}

/** The nearest values that `type` can hold. */
export function roundElements(type: ElementType, values: Float64Array): Float64Array {
  return values.map(ELEMENTS[type].round);
}
