const ALIGNMENT = 16;

/** Places of a slice's numbers, one after the other behind its header, at multiples of 64 bytes. */
export class Regions {
  /** Floats so far. */
  floats: number;

  constructor(header: number) {
    this.floats = round(header);
  }

  take(count: number): number {
    const at = this.floats;
    this.floats += round(count);
    return at;
  }
}

function round(floats: number): number {
  return Math.ceil(floats / ALIGNMENT) * ALIGNMENT;
}
