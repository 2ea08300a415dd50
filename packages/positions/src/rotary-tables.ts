/** Rows that are made together: one sine and cosine in float64 for each pair, the other rows by the addition theorem. */
const BLOCK = 64;
/** Numbers that are made between two looks at the clock: half a millisecond. */
const CHUNK_FLOATS = 1 << 17;
/** When this has passed, the event loop gets a turn. */
const TURN_MS = 8;

/** Cosines and sines of multiples of some frequencies, [rows, pairs], which grow by doubling. */
export class RotaryTables {
  readonly #frequencies: Float64Array;
  readonly #factor: number;
  /** Cosines and sines of the first positions, [BLOCK, pairs]. */
  readonly #fine: readonly [cos: Float64Array, sin: Float64Array];
  #cos = new Float32Array(0);
  #sin = new Float32Array(0);
  #rows = 0;

  constructor(frequencies: Float64Array, factor: number) {
    this.#frequencies = frequencies;
    this.#factor = factor;
    const pairs = frequencies.length;
    const angle = (_: unknown, at: number): number => Math.floor(at / pairs) * frequencies[at % pairs]!;
    const angles = Float64Array.from({ length: BLOCK * pairs }, angle);
    this.#fine = [angles.map(Math.cos), angles.map(Math.sin)];
  }

  get cos(): Float32Array {
    return this.#cos;
  }

  get sin(): Float32Array {
    return this.#sin;
  }

  /** Positions that are there. */
  get rows(): number {
    return this.#rows;
  }

  /** Makes the tables hold at least `rows` positions. */
  grow(rows: number): void {
    this.#reserve(rows);
    while (this.#rows < rows) this.#addChunk(rows);
  }

  /** `grow` that gives the event loop turns. */
  async growInTurns(rows: number, signal: AbortSignal | undefined): Promise<void> {
    let turn = performance.now();
    while (this.#rows < rows) {
      this.#reserve(rows);
      this.#addChunk(rows);
      if (performance.now() - turn < TURN_MS) continue;
      await new Promise((resolve) => void setTimeout(resolve));
      signal?.throwIfAborted();
      turn = performance.now();
    }
  }

  #reserve(rows: number): void {
    const pairs = this.#frequencies.length;
    const capacity = this.#cos.length / pairs;
    if (rows <= capacity) return;
    const more = Math.max(rows, 2 * capacity);
    const longer = (table: Float32Array): Float32Array<ArrayBuffer> => {
      const copy = new Float32Array(more * pairs);
      copy.set(table.subarray(0, this.#rows * pairs));
      return copy;
    };
    // Tables that were handed out keep their arrays.
    this.#cos = longer(this.#cos);
    this.#sin = longer(this.#sin);
  }

  /** Adds blocks of rows, as far as there is room, up to `rows`. */
  #addChunk(rows: number): void {
    const pairs = this.#frequencies.length;
    const capacity = this.#cos.length / pairs;
    for (let made = 0; this.#rows < rows && made < CHUNK_FLOATS; made += BLOCK * pairs) {
      const count = Math.min(BLOCK - (this.#rows % BLOCK), capacity - this.#rows);
      this.#addRows(count);
      this.#rows += count;
    }
  }

  /** Rows of one block. */
  #addRows(count: number): void {
    const pairs = this.#frequencies.length;
    const start = this.#rows - (this.#rows % BLOCK);
    const [fineCos, fineSin] = this.#fine;
    const blockCos = this.#frequencies.map((theta) => this.#factor * Math.cos(start * theta));
    const blockSin = this.#frequencies.map((theta) => this.#factor * Math.sin(start * theta));
    const [cos, sin] = [this.#cos, this.#sin];
    for (let row = this.#rows; row < this.#rows + count; row++) {
      const fine = (row - start) * pairs;
      for (let i = 0; i < pairs; i++) {
        cos[row * pairs + i] = blockCos[i]! * fineCos[fine + i]! - blockSin[i]! * fineSin[fine + i]!;
        sin[row * pairs + i] = blockSin[i]! * fineCos[fine + i]! + blockCos[i]! * fineSin[fine + i]!;
      }
    }
  }
}
