import { describe } from "../tensor.ts";

/** Sizes that all calls on one state share. */
export interface LinearSizes {
  /** B */
  readonly batch: number;
  /** H, query heads */
  readonly heads: number;
  /** G, key heads */
  readonly kvHeads: number;
  /** V, value heads */
  readonly valueHeads: number;
  /** D */
  readonly headDim: number;
  /** E */
  readonly valueDim: number;
}

/** One array of a state. Its axes begin with B. */
export interface StatePart {
  readonly name: string;
  readonly length: number;
  /** What it holds before the first token. Default 0. */
  readonly initial?: number | undefined;
}

/** Eight bytes that serialised states begin with; the last one counts versions of the form. */
const MAGIC = "saccadeL\u0001";
const SIZES = ["batch", "heads", "kvHeads", "valueHeads", "headDim", "valueDim"] as const;

/**
 * What the tokens so far left behind: arrays whose size does not depend on their number. A plain value: it can be kept, copied, filled and
 * written to a file.
 */
export class LinearState {
  /** The variant that reads and writes it. */
  readonly variant: string;
  readonly sizes: LinearSizes;
  /** Tokens that every batch element has seen, [B]. */
  readonly tokens: Int32Array;
  readonly #parts: readonly StatePart[];
  readonly #arrays: readonly Float32Array[];

  constructor(variant: string, sizes: LinearSizes, parts: readonly StatePart[]) {
    this.variant = variant;
    this.sizes = sizes;
    this.tokens = new Int32Array(sizes.batch);
    this.#parts = parts;
    this.#arrays = parts.map(({ length, initial = 0 }) => new Float32Array(length).fill(initial));
  }

  /** Bytes of its arrays. */
  get bytes(): number {
    return this.#arrays.reduce((sum, { byteLength }) => sum + byteLength, this.tokens.byteLength);
  }

  /** Names of its arrays. */
  get parts(): readonly string[] {
    return this.#parts.map(({ name }) => name);
  }

  /**
   * One of its arrays, not a copy. Most variants have `memory`, [B, V, features, E], and with a normaliser `normaliser`, [B, V, features].
   *
   * @throws RangeError when it has none of that name.
   */
  part(name: string): Float32Array {
    const array = this.find(name);
    if (array !== undefined) return array;
    throw new RangeError(`LinearState.part: name is ${describe(name)}, expected one of ${this.parts.join(", ")}`);
  }

  /** The array of that name, if it has one. */
  find(name: string): Float32Array | undefined {
    return this.#arrays[this.#parts.findIndex((part) => part.name === name)];
  }

  /** A state of its own with the same numbers. */
  copy(): LinearState {
    return new LinearState(this.variant, this.sizes, this.#parts).set(this);
  }

  /** Takes over the numbers of a state of the same variant and sizes. */
  set(from: LinearState): this {
    this.tokens.set(from.tokens);
    for (const [index, array] of this.#arrays.entries()) array.set(from.#arrays[index]!);
    return this;
  }

  /** Whether `other` has the same variant, sizes and arrays. */
  fits(other: LinearState): boolean {
    return (
      this.variant === other.variant &&
      SIZES.every((size) => this.sizes[size] === other.sizes[size]) &&
      this.#arrays.length === other.#arrays.length &&
      this.#arrays.every(({ length }, index) => length === other.#arrays[index]!.length)
    );
  }

  /** Sizes and numbers as bytes (little-endian), for `deserialize` of the variant that made it. */
  serialize(): Uint8Array {
    const name = new TextEncoder().encode(this.variant);
    const bytes = new Uint8Array(MAGIC.length + 4 * (SIZES.length + 1) + name.length + this.bytes);
    const view = new DataView(bytes.buffer);
    bytes.set(new TextEncoder().encode(MAGIC));
    let at = MAGIC.length;
    for (const number of [...SIZES.map((size) => this.sizes[size]), name.length]) {
      view.setUint32(at, number, true);
      at += 4;
    }
    bytes.set(name, at);
    at += name.length;
    for (const array of [this.tokens, ...this.#arrays]) {
      // As bits: a NaN keeps its payload.
      const words = new Uint32Array(array.buffer, array.byteOffset, array.length);
      for (let i = 0; i < words.length; i++, at += 4) view.setUint32(at, words[i]!, true);
    }
    return bytes;
  }

  /**
   * Takes over what `serialize` wrote.
   *
   * @throws TypeError or RangeError naming `where` when the bytes are something else, or of another variant or size.
   */
  read(where: string, bytes: Uint8Array): this {
    const header = readHeader(where, bytes);
    if (header.variant !== this.variant) {
      throw new TypeError(`${where}: the state is one of ${header.variant}, expected one of ${this.variant}`);
    }
    for (const size of SIZES) {
      if (header.sizes[size] === this.sizes[size]) continue;
      throw new RangeError(`${where}: the state has ${size} ${header.sizes[size]}, expected ${this.sizes[size]}`);
    }
    if (bytes.length - header.end !== this.bytes) {
      throw new RangeError(`${where}: the state has ${bytes.length - header.end} bytes, expected ${this.bytes}`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = header.end;
    for (const array of [this.tokens, ...this.#arrays]) {
      const words = new Uint32Array(array.buffer, array.byteOffset, array.length);
      for (let i = 0; i < words.length; i++, at += 4) words[i] = view.getUint32(at, true);
    }
    return this;
  }
}

/** Whose state serialised bytes are, its sizes, and where its numbers begin. */
export function readHeader(
  where: string,
  bytes: Uint8Array,
): { readonly variant: string; readonly sizes: LinearSizes; readonly end: number } {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`${where}: expected a Uint8Array, got ${describe(bytes)}`);
  const fixed = MAGIC.length + 4 * (SIZES.length + 1);
  const magic = new TextDecoder().decode(bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC || bytes.length < fixed) {
    throw new TypeError(`${where}: expected what serialize() wrote, got ${bytes.length} other bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = Array.from({ length: SIZES.length + 1 }, (_, i) => view.getUint32(MAGIC.length + 4 * i, true));
  const [batch, heads, kvHeads, valueHeads, headDim, valueDim, length] = numbers as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const end = fixed + length;
  const variant = new TextDecoder().decode(bytes.subarray(fixed, end));
  return { variant, sizes: { batch, heads, kvHeads, valueHeads, headDim, valueDim }, end };
}
