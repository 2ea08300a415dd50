import { TYPE_NAMES } from "./number-types.ts";
import type { TensorNumbers } from "./safetensors-file.ts";

/** Headers are padded with spaces to a multiple of this, so that numbers begin where they may be mapped. */
const ALIGNMENT = 8;

/**
 * A safetensors file, part by part: length and header, then each tensor's bytes. Wider types come first, so that all are aligned; tensors of a
 * type are in the order of their names.
 *
 * @throws RangeError when a shape does not fit its numbers, TypeError when data is not of its type.
 */
export function* safetensorsParts(
  tensors: Readonly<Record<string, TensorNumbers>>,
  metadata?: Readonly<Record<string, string>>,
): Generator<Uint8Array> {
  const ordered = Object.entries(tensors).toSorted(
    ([a, x], [b, y]) => y.data.BYTES_PER_ELEMENT - x.data.BYTES_PER_ELEMENT || (a < b ? -1 : 1),
  );
  const entries: [string, unknown][] = metadata === undefined ? [] : [["__metadata__", metadata]];
  let at = 0;
  for (const [name, { type, shape, data }] of ordered) {
    check(name, { type, shape, data });
    entries.push([name, { dtype: TYPE_NAMES[type], shape, data_offsets: [at, at + data.byteLength] }]);
    at += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = Math.ceil(text.length / ALIGNMENT) * ALIGNMENT;
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(text, 8);
  yield header;
  for (const [, { data }] of ordered) yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The same as one array. */
export function encodeSafetensors(
  tensors: Readonly<Record<string, TensorNumbers>>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const parts = [...safetensorsParts(tensors, metadata)];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function check(name: string, { type, shape, data }: TensorNumbers): void {
  if (name === "__metadata__") throw new RangeError("safetensors: __metadata__ is no name of a tensor");
  const expected = type === "f32" ? Float32Array : Uint16Array;
  if (!(data instanceof expected)) {
    throw new TypeError(`safetensors: ${name} is ${type}, expected its numbers in a ${expected.name}`);
  }
  const count = shape.reduce((product, axis) => product * axis, 1);
  if (count !== data.length) {
    throw new RangeError(
      `safetensors: ${name} has ${data.length} numbers, expected ${count} for [${shape.join(", ")}]`,
    );
  }
}
