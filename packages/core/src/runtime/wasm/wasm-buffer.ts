import type { Runtime, RuntimeBuffer } from "../runtime.ts";
import type { Tensor } from "../../tensor.ts";
import type { LinearMemory } from "./linear-memory.ts";

/** Floats in linear memory that belong to a caller; kernels read and write them in place. */
export class WasmBuffer implements RuntimeBuffer {
  readonly owner: Runtime;
  readonly length: number;
  readonly #memory: LinearMemory;
  #address: number | undefined;
  #view: Float32Array | undefined;

  constructor(owner: Runtime, memory: LinearMemory, length: number) {
    this.owner = owner;
    this.length = length;
    this.#memory = memory;
    this.#address = memory.allocateZeros(4 * length);
  }

  /** Byte address of the first float; it never moves. */
  get address(): number {
    if (this.#address === undefined) throw new TypeError("RuntimeBuffer: used after free()");
    return this.#address;
  }

  floats(): Float32Array {
    const { buffer } = this.#memory.memory;
    if (this.#view?.buffer !== buffer || this.#address === undefined) {
      this.#view = new Float32Array(buffer, this.address, this.length);
    }
    return this.#view;
  }

  free(): void {
    if (this.#address === undefined) return;
    this.#memory.free(this.#address);
    this.#address = undefined;
    this.#view = undefined;
  }
}

/** Byte address of a tensor that lies in the linear memory of `owner`; undefined for others. */
export function addressIn(owner: Runtime, view: Tensor): number | undefined {
  return view.data instanceof WasmBuffer && view.data.owner === owner ? view.data.address + 4 * view.offset : undefined;
}
