import type { HeadPattern } from "./head-pattern.ts";

/** The sum of a query's weights, those of keys 0 up to its own position or the last key, on the keys that a pattern shows. */
export type KeptOf = (weights: Float32Array, position: number) => number;

export function keptOf(pattern: HeadPattern): KeptOf {
  switch (pattern.kind) {
    case "aShape": {
      const { sinks, recent } = pattern;
      return (weights, position) => {
        const near = Math.max(0, position - recent + 1);
        return sumOf(weights, 0, Math.min(sinks, near)) + sumOf(weights, near, weights.length);
      };
    }
    case "verticalSlash": {
      const { verticals, slashes } = pattern;
      const columns = new Set(verticals);
      return (weights, position) => {
        let sum = 0;
        for (const key of verticals) sum += weights[key] ?? 0;
        for (const slash of slashes) if (!columns.has(position - slash)) sum += weights[position - slash] ?? 0;
        return sum;
      };
    }
    case "blocks": {
      const { blockSize, starts, keyBlocks } = pattern;
      return (weights, position) => {
        const row = Math.floor(position / blockSize);
        let sum = 0;
        for (const block of keyBlocks.slice(starts[row], starts[row + 1])) {
          sum += sumOf(weights, block * blockSize, (block + 1) * blockSize);
        }
        return sum;
      };
    }
  }
}

function sumOf(weights: Float32Array, from: number, to: number): number {
  let sum = 0;
  for (let key = from; key < Math.min(to, weights.length); key++) sum += weights[key]!;
  return sum;
}
