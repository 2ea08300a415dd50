/** Arrays that the panels of a call use again, by name; in float64 they are new ones, since a definition looks at all tokens at once. */
export class Scratch {
  readonly exact: boolean;
  readonly #arrays = new Map<string, Float32Array>();

  constructor(exact: boolean) {
    this.exact = exact;
  }

  /** Whatever stood there before may still be in it. */
  take(name: string, length: number): Float32Array | Float64Array {
    if (this.exact) return new Float64Array(length);
    let array = this.#arrays.get(name);
    if (array === undefined || array.length < length) {
      array = new Float32Array(length);
      this.#arrays.set(name, array);
    }
    return array.subarray(0, length);
  }
}
