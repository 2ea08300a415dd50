import type { CallShape } from "./shape.ts";

/** Q, K and V in [B, N, H, D], the layout that onnxruntime takes. Every process makes the same ones. */
export interface Inputs {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
}

/** Values of about unit variance (the sum of four uniform numbers), the same for the same seed. */
export function gaussianLike(length: number, seed: number): Float32Array {
  const values = new Float32Array(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    // xorshift32: four bytes of one draw are four uniform numbers.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const sum = (state & 255) + ((state >>> 8) & 255) + ((state >>> 16) & 255) + (state >>> 24);
    values[i] = (sum - 510) / 147.8;
  }
  return values;
}

export function makeInputs({ B, H, G, N, M, D, E }: CallShape): Inputs {
  return {
    q: gaussianLike(B * N * H * D, 0x51ed),
    k: gaussianLike(B * M * G * D, 0xc2b2),
    v: gaussianLike(B * M * G * E, 0x9e37),
  };
}

/** [B, N, H, D] to [B, H, N, D]. */
export function headsFirst(data: Float32Array, B: number, N: number, H: number, D: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let b = 0; b < B; b++) {
    for (let n = 0; n < N; n++) {
      for (let h = 0; h < H; h++) {
        const from = ((b * N + n) * H + h) * D;
        out.set(data.subarray(from, from + D), ((b * H + h) * N + n) * D);
      }
    }
  }
  return out;
}

/** Each key head repeated for the query heads that share it: [B, M, G, D] to [B, M, H, D]. */
export function repeatHeads(data: Float32Array, rows: number, G: number, H: number, D: number): Float32Array {
  if (G === H) return data;
  const out = new Float32Array((data.length / G) * H);
  for (let r = 0; r < rows; r++) {
    for (let h = 0; h < H; h++) {
      const from = (r * G + Math.floor((h * G) / H)) * D;
      out.set(data.subarray(from, from + D), (r * H + h) * D);
    }
  }
  return out;
}
