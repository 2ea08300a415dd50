import { floatsOf, tensor, type Tensor } from "../tensor.ts";
import type { Gate, LinearTokens } from "./linear-attention.ts";
import type { LinearSizes } from "./linear-state.ts";
import type { LinearVariant } from "./linear-variant.ts";
import { repeatedRow, rowAt, tokenRows } from "./rows.ts";

/** Keys, values and gates of the last tokens, to run them through a state again. */
export class TokenLog<G extends Gate> {
  readonly #sizes: LinearSizes;
  readonly #kept: readonly (readonly [name: "k" | "v" | G, view: Tensor])[];
  #length = 0;

  constructor(variant: LinearVariant<G>, sizes: LinearSizes, capacity: number) {
    const { batch, kvHeads, valueHeads, headDim, valueDim } = sizes;
    const room = (heads: number, width: number): Tensor =>
      tensor(new Float32Array(batch * heads * capacity * width), { shape: [batch, heads, capacity, width] });
    this.#sizes = sizes;
    this.#kept = [
      ["k", room(kvHeads, headDim)],
      ["v", room(valueHeads, valueDim)],
      ...variant.gates.map((gate) => [gate.name, room(gate.heads(sizes), gate.width(sizes))] as const),
    ];
  }

  get length(): number {
    return this.#length;
  }

  /** Copies tokens [from, to) behind those that are there. */
  push(inputs: LinearTokens<G>, from: number, to: number): void {
    for (const [name, view] of this.#kept)
      copyRows((inputs as Record<string, Tensor>)[name]!, from, view, this.#length, to - from);
    this.#length += to - from;
  }

  /** Forgets the oldest tokens. */
  drop(tokens: number): void {
    for (const [, view] of this.#kept) copyRows(view, tokens, view, 0, this.#length - tokens);
    this.#length -= tokens;
  }

  /** Forgets the newest tokens. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** The oldest tokens; their queries are not kept, and 0. */
  first(tokens: number): LinearTokens<G> {
    const { batch, heads, headDim } = this.#sizes;
    const q = repeatedRow(new Float32Array(headDim), batch, heads, tokens);
    const kept = this.#kept.map(([name, view]) => [name, tokenRows(view, 0, tokens)] as const);
    return { q, ...Object.fromEntries(kept) } as unknown as LinearTokens<G>;
  }
}

/** Copies tokens between tensors of the same heads and width, which may be one. */
export function copyRows(from: Tensor, first: number, to: Tensor, at: number, count: number): void {
  const [source, target] = [floatsOf(from), floatsOf(to)];
  for (let b = 0; b < to.batch; b++) {
    for (let h = 0; h < to.heads; h++) {
      for (let n = 0; n < count; n++) {
        const row = rowAt(from, b, h, first + n);
        target.set(source.subarray(row, row + to.width), rowAt(to, b, h, at + n));
      }
    }
  }
}
