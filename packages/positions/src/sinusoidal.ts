import { checkNumber, checkWhole } from "./checks.ts";

export interface SinusoidalOptions {
  /** Positions: 0 to length - 1. */
  readonly length: number;
  /** Width of the model, even. */
  readonly dim: number;
  /** Default 10000. */
  readonly base?: number | undefined;
}

/**
 * The fixed positions of Vaswani et al. (2017), to be added to embeddings:
 *
 * ```text
 *   table[p, 2i]     = sin(p / base^(2i / dim))
 *   table[p, 2i + 1] = cos(p / base^(2i / dim))
 * ```
 *
 * @returns [length, dim], f32, computed in float64.
 * @throws RangeError for sizes that make no sense.
 */
export function sinusoidal({ length, dim, base = 10_000 }: SinusoidalOptions): Float32Array {
  checkWhole("sinusoidal: length", length, 0);
  checkWhole("sinusoidal: dim", dim, 2);
  if (dim % 2 !== 0) throw new RangeError(`sinusoidal: dim is ${dim}, expected an even number`);
  checkNumber("sinusoidal: base", base, Number.MIN_VALUE);
  const table = new Float32Array(length * dim);
  for (let p = 0; p < length; p++) {
    for (let i = 0; i < dim / 2; i++) {
      const angle = p / base ** ((2 * i) / dim);
      table[p * dim + 2 * i] = Math.sin(angle);
      table[p * dim + 2 * i + 1] = Math.cos(angle);
    }
  }
  return table;
}
