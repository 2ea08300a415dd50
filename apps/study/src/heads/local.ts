import { mix32 } from "../text/n-grams.ts";
import { matchGain } from "./gain.ts";
import type { ConstructedHead, HeadContext } from "./head.ts";

/** Distance in tokens over which the logit falls by e^(-1/2) of its height. */
export const LOCAL_WIDTH = 32;
const MARGIN = 3;

/**
 * A head that prefers near keys. Queries and keys are random Fourier features of the position (Rahimi and Recht 2007):
 * D/2 pairs (cos, sin) of w p, with w from a normal distribution of deviation 1 / width, so that the logit of a key at distance d is
 *
 * ```text
 *   gain e^(-d^2 / (2 width^2)) + noise of variance gain^2 / D
 * ```
 *
 * The rank-th query head of a group looks `rank * width` tokens back instead of at itself.
 */
export function localHead({ text, headDim }: HeadContext): ConstructedHead {
  const pairs = headDim >> 1;
  const frequency = Float64Array.from({ length: pairs }, (_, f) => normal(f) / LOCAL_WIDTH);
  const gain = matchGain(text.tokens.length / LOCAL_WIDTH, headDim, MARGIN);
  const write = (position: number, height: number, into: Float32Array, at: number): void => {
    const unit = height / Math.sqrt(pairs);
    for (let f = 0; f < pairs; f++) {
      into[at + 2 * f] = unit * Math.cos(frequency[f]! * position);
      into[at + 2 * f + 1] = unit * Math.sin(frequency[f]! * position);
    }
  };
  return {
    job: "local",
    key: (position, into, at) => write(position, 1, into, at),
    query: (position, rank, into, at) => write(position - rank * LOCAL_WIDTH, gain, into, at),
    isTarget: (query, key, rank) => Math.abs(query - rank * LOCAL_WIDTH - key) < 4 * LOCAL_WIDTH,
  };
}

/** A fixed draw from the normal distribution (Box-Muller). */
function normal(index: number): number {
  const u = (mix32(2 * index + 1) + 0.5) / 0x1_0000_0000;
  const v = mix32(2 * index + 2) / 0x1_0000_0000;
  return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
}
