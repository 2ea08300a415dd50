import type { WeightType } from "@saccade/core";
import { TYPES, widen, type NumberArray } from "./number-types.ts";
import { broken, headerLength, LENGTH_BYTES, parseHeader, type Header, type StoredTensor } from "./parse-header.ts";

/** Where a file's bytes come from. */
export interface ByteSource {
  /** As errors name it. */
  readonly name: string;
  /** Bytes of the whole. */
  readonly size: number;
  /** Bytes [from, from + length), which lie inside; the caller may keep and change them. */
  read(from: number, length: number): Uint8Array;
}

/** A tensor's numbers as they are stored: f32, or f16 and bf16 by their bits. */
export interface TensorNumbers {
  readonly type: WeightType;
  readonly shape: readonly number[];
  readonly data: NumberArray;
}

/** Numbers that are read and widened at a time. */
const AT_ONCE = 1 << 20;

/** A safetensors file. Its header is read at once, numbers when they are asked for. */
export class SafetensorsFile {
  /** As errors name it. */
  readonly name: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #source: ByteSource;

  /** @throws Error naming the file and what is wrong with its header. */
  constructor(source: ByteSource) {
    const { name, size } = source;
    const length = headerLength(name, size < LENGTH_BYTES ? new Uint8Array() : source.read(0, LENGTH_BYTES), size);
    const header: Header = parseHeader(name, source.read(LENGTH_BYTES, length), size);
    this.name = name;
    this.tensors = header.tensors;
    this.metadata = header.metadata;
    this.#source = source;
  }

  /**
   * Numbers of a tensor as they are stored.
   *
   * @throws Error when there is none of that name, or its format is not F32, F16 or BF16.
   */
  read(name: string): TensorNumbers {
    const { type, stored } = this.#numbersOf(name);
    return { type, shape: stored.shape, data: this.#numbers(type, stored, 0, elements(type, stored)) };
  }

  /**
   * `into.length` numbers of a tensor from element `first` on, widened to f32.
   *
   * @throws RangeError where the tensor ends before; Error as `read` does.
   */
  readInto(name: string, first: number, into: Float32Array): void {
    const { type, stored } = this.#numbersOf(name);
    const count = elements(type, stored);
    if (!Number.isSafeInteger(first) || first < 0 || first > count - into.length) {
      throw new RangeError(
        `safetensors: ${this.name}: ${name} has ${count} numbers, asked for ${into.length} from ${first}`,
      );
    }
    for (let done = 0; done < into.length; done += AT_ONCE) {
      const part = Math.min(AT_ONCE, into.length - done);
      into.set(widen(type, this.#numbers(type, stored, first + done, part)), done);
    }
  }

  #numbersOf(name: string): { readonly type: WeightType; readonly stored: StoredTensor } {
    const stored = this.tensors.get(name);
    if (stored === undefined)
      throw broken(this.name, `has no tensor ${name}, only ${listed([...this.tensors.keys()])}`);
    const type = TYPES.get(stored.dtype);
    if (type === undefined) throw broken(this.name, `${name} is ${stored.dtype}, expected F32, F16 or BF16`);
    return { type, stored };
  }

  #numbers(type: WeightType, { begin }: StoredTensor, first: number, count: number): NumberArray {
    const bytes = type === "f32" ? 4 : 2;
    return numbersIn(type, this.#source.read(begin + first * bytes, count * bytes));
  }
}

/** A file whose bytes are in memory. They are not copied before numbers are read. */
export function parseSafetensors(bytes: Uint8Array, name = "the file"): SafetensorsFile {
  return new SafetensorsFile({ name, size: bytes.length, read: (from, length) => bytes.slice(from, from + length) });
}

/** Bytes as numbers. These begin at multiples of their size in memory; in a file they may not. */
export function numbersIn(type: WeightType, bytes: Uint8Array): NumberArray {
  const size = type === "f32" ? 4 : 2;
  const { buffer, byteOffset, length } = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const count = length / size;
  return type === "f32" ? new Float32Array(buffer, byteOffset, count) : new Uint16Array(buffer, byteOffset, count);
}

function elements(type: WeightType, { begin, end }: StoredTensor): number {
  return (end - begin) / (type === "f32" ? 4 : 2);
}

export function listed(names: readonly string[]): string {
  if (names.length === 0) return "none";
  return names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more` : names.join(", ");
}
