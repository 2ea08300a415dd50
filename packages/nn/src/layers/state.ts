import { widen } from "../safetensors/number-types.ts";
import { listed, SafetensorsFile, type TensorNumbers } from "../safetensors/safetensors-file.ts";

/** Parameters by name, as PyTorch's state dictionaries have them. */
export type State = SafetensorsFile | Readonly<Record<string, TensorNumbers>>;

export interface LoadOptions {
  /** What the names of this layer's parameters begin with: `"model.layers.0.self_attn."`. Default "". */
  readonly prefix?: string | undefined;
}

/** Reads the parameters of one layer, and knows which of them nobody read. */
export class StateReader {
  readonly where: string;
  readonly prefix: string;
  readonly #state: State;
  readonly #names: ReadonlySet<string>;
  readonly #read = new Set<string>();

  constructor(where: string, state: State, { prefix = "" }: LoadOptions = {}) {
    this.where = where;
    this.prefix = prefix;
    this.#state = state;
    const names = state instanceof SafetensorsFile ? state.tensors.keys() : Object.keys(state);
    this.#names = new Set([...names].filter((name) => name.startsWith(prefix)));
  }

  has(name: string): boolean {
    return this.#names.has(this.prefix + name);
  }

  /**
   * A parameter as it is stored.
   *
   * @throws Error when it is not there or of another shape.
   */
  read(name: string, shape: readonly number[]): TensorNumbers {
    const full = this.prefix + name;
    const found = !this.#names.has(full)
      ? undefined
      : this.#state instanceof SafetensorsFile
        ? this.#state.read(full)
        : this.#state[full];
    if (found === undefined)
      throw new Error(`${this.where}: ${full} is missing, there are ${listed([...this.#names])}`);
    this.#read.add(full);
    if (found.shape.length === shape.length && shape.every((size, i) => found.shape[i] === size)) return found;
    throw new RangeError(
      `${this.where}: ${full} has shape [${found.shape.join(", ")}], expected [${shape.join(", ")}]`,
    );
  }

  /** Length of a vector that is there. */
  lengthOf(name: string): number {
    const full = this.prefix + name;
    const { shape } = this.#state instanceof SafetensorsFile ? this.#state.tensors.get(full)! : this.#state[full]!;
    return shape[0] ?? 0;
  }

  /** A vector as f32. */
  vector(name: string, length: number): Float32Array {
    const { type, data } = this.read(name, [length]);
    return widen(type, data);
  }

  /** The same, or undefined where it is not there. */
  optionalVector(name: string, length: number): Float32Array | undefined {
    return this.has(name) ? this.vector(name, length) : undefined;
  }

  /**
   * A layer that ignores parameters gives wrong numbers without a word: none may be left.
   *
   * @param allowed names, or beginnings of names, that may.
   * @throws Error naming them.
   */
  finish(allowed: readonly string[] = []): void {
    const left = [...this.#names].filter(
      (name) => !this.#read.has(name) && !allowed.some((start) => name.startsWith(this.prefix + start)),
    );
    if (left.length > 0) throw new Error(`${this.where}: no use for ${listed(left)}`);
  }
}
