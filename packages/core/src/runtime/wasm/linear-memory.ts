const PAGE = 65_536;
const ALIGNMENT = 64;
/** What the modules declare: their stack and data, and some room. */
const INITIAL_PAGES = 8;
/** All that 32-bit addresses reach; it is reserved, not used. */
const MAXIMUM_PAGES = 65_536;
const LEAST_MAXIMUM_PAGES = 1024;

interface Range {
  start: number;
  end: number;
}

/**
 * A WebAssembly memory and the allocator of everything above the modules' own data. It lives outside the memory, so that
 * kernels cannot damage it. Addresses are multiples of 64.
 *
 * Memory never shrinks: what is freed is used again.
 */
export class LinearMemory {
  readonly memory: WebAssembly.Memory;
  readonly shared: boolean;
  /** Free ranges in ascending order, none touching another; the last may end where the memory ends. */
  readonly #free: Range[] = [];
  readonly #sizes = new Map<number, number>();
  /** Bytes from here on were never handed out, and are still zero. */
  #fresh = 0;
  #end = 0;
  #buffer: ArrayBufferLike | undefined;
  #floats = new Float32Array(0);
  #ints = new Int32Array(0);
  #bytes = new Uint8Array(0);

  constructor(shared: boolean) {
    this.shared = shared;
    this.memory = createMemory(shared);
  }

  /** Opens the memory from `heapBase` on for allocation. */
  open(heapBase: number): void {
    const start = roundUp(heapBase, ALIGNMENT);
    this.#end = this.memory.buffer.byteLength;
    this.#fresh = start;
    this.#free.push({ start, end: this.#end });
  }

  /** Views of all of it. A growing memory replaces them: take them anew after every allocation. */
  floats(): Float32Array {
    this.#look();
    return this.#floats;
  }

  ints(): Int32Array {
    this.#look();
    return this.#ints;
  }

  bytes(): Uint8Array {
    this.#look();
    return this.#bytes;
  }

  /**
   * Address of `bytes` bytes, with any content.
   *
   * @throws RangeError when the memory cannot grow that far.
   */
  allocate(bytes: number): number {
    const size = roundUp(Math.max(bytes, 1), ALIGNMENT);
    let index = this.#free.findIndex((range) => range.end - range.start >= size);
    if (index < 0) {
      this.#grow(size);
      index = this.#free.length - 1;
    }
    const range = this.#free[index]!;
    const address = range.start;
    range.start += size;
    if (range.start === range.end) this.#free.splice(index, 1);
    this.#sizes.set(address, size);
    this.#fresh = Math.max(this.#fresh, address + size);
    return address;
  }

  /** `allocate`, filled with zeros. */
  allocateZeros(bytes: number): number {
    const fresh = this.#fresh;
    const address = this.allocate(bytes);
    const dirty = Math.min(fresh, address + bytes);
    if (address < dirty) this.bytes().fill(0, address, dirty);
    return address;
  }

  free(address: number): void {
    const size = this.#sizes.get(address);
    if (size === undefined) throw new RangeError(`wasm memory: ${address} is not allocated`);
    this.#sizes.delete(address);
    const at = this.#free.findIndex((range) => range.start > address);
    this.#free.splice(at < 0 ? this.#free.length : at, 0, { start: address, end: address + size });
    for (let i = this.#free.length - 1; i > 0; i--) {
      const [low, high] = [this.#free[i - 1]!, this.#free[i]!];
      if (low.end !== high.start) continue;
      low.end = high.end;
      this.#free.splice(i, 1);
    }
  }

  #look(): void {
    const buffer = this.memory.buffer;
    if (buffer === this.#buffer) return;
    this.#buffer = buffer;
    this.#floats = new Float32Array(buffer);
    this.#ints = new Int32Array(buffer);
    this.#bytes = new Uint8Array(buffer);
  }

  #grow(size: number): void {
    const last = this.#free.at(-1);
    const atEnd = last !== undefined && last.end === this.#end ? last : undefined;
    const missing = size - (atEnd === undefined ? 0 : atEnd.end - atEnd.start);
    const pages = Math.ceil(missing / PAGE);
    try {
      this.memory.grow(pages);
    } catch (error) {
      const [wanted, held] = [megabytes(size), megabytes(this.#end)];
      throw new RangeError(`wasm memory: cannot grow for another ${wanted} MB beyond the ${held} MB held`, {
        cause: error,
      });
    }
    if (atEnd === undefined) this.#free.push({ start: this.#end, end: this.#end });
    this.#end += pages * PAGE;
    this.#free.at(-1)!.end = this.#end;
  }
}

/** A memory that may grow to all that 32 bits address; where the engine cannot reserve that (iOS, 32-bit systems), to half of it, and so on. */
export function createMemory(shared: boolean): WebAssembly.Memory {
  for (let maximum = MAXIMUM_PAGES; ; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum, shared });
    } catch (error) {
      if (!(error instanceof RangeError) || maximum <= LEAST_MAXIMUM_PAGES) throw error;
    }
  }
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
