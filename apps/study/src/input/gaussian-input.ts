import { tensor } from "@saccade/core";
import type { GaussianSpec, Input } from "./input.ts";

const MAX_LENGTH = 2 ** 24;

/** Independent normal numbers, mean 0 and variance 1: attention that is spread over all keys. A head's numbers depend on the seed and the head only. */
export function gaussianInput({ heads, kvHeads, headDim, seed }: GaussianSpec): Input {
  const stack = heads / kvHeads;
  const block = (stream: number, first: number, count: number, length: number) => {
    const data = new Float32Array(count * length * headDim);
    const size = length * headDim;
    for (let head = 0; head < count; head++) {
      fillNormal(data.subarray(head * size, (head + 1) * size), seed + 3 * (first + head) + stream);
    }
    return tensor(data, { shape: [1, count, length, headDim] });
  };
  return {
    kind: "gaussian",
    description: `normal numbers, seed ${seed}`,
    heads,
    kvHeads,
    headDim,
    valueDim: headDim,
    maxLength: MAX_LENGTH,
    scale: undefined,
    slice: (length, { first, count }) => ({
      q: block(0, first * stack, count * stack, length),
      k: block(1, first, count, length),
      v: block(2, first, count, length),
    }),
    head: () => undefined,
    retrievalPositions: () => [],
    retrieval: () => undefined,
  };
}

/** Fills with normal numbers: mulberry32 (T. Ettinger) and Box-Muller. */
function fillNormal(into: Float32Array, seed: number): void {
  let state = Math.imul(seed, 0x9e3779b1);
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  for (let i = 0; i < into.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    into[i] = radius * Math.cos(angle);
    if (i + 1 < into.length) into[i + 1] = radius * Math.sin(angle);
  }
}
