import { type Attention, type Tensor, tensor } from "@saccade/core";
import type { ConstructedHead, HeadJob } from "../heads/head.ts";
import type { HeadRange, Input, Slice } from "../input/input.ts";
import { queryAt } from "./sampled-error.ts";

/** Mean share of the attention that heads of each job put on the keys they were built for; absent where nothing could be looked at. */
export type TargetMass = { readonly [job in HeadJob]?: number };

/** Positions per head at which the mass is looked at. */
const POSITIONS = 8;

/** Measures what constructed heads do, through the float64 reference of `attention`. Undefined where heads are given, not constructed. */
export function targetMass(
  attention: Attention,
  input: Input,
  slice: Slice,
  length: number,
  range: HeadRange,
): TargetMass | undefined {
  const sums = new Map<HeadJob, { mass: number; count: number }>();
  const stack = slice.q.heads / slice.k.heads;
  for (let g = 0; g < range.count; g++) {
    const head = input.head(length, range.first + g);
    if (!head) return undefined;
    for (let rank = 0; rank < stack; rank++) {
      let seen = 0;
      for (const position of candidates(length)) {
        const mass = massAt(attention, slice, head, g * stack + rank, rank, position);
        if (mass === undefined) continue;
        const sum = sums.get(head.job) ?? { mass: 0, count: 0 };
        sums.set(head.job, { mass: sum.mass + mass, count: sum.count + 1 });
        if (++seen === POSITIONS) break;
      }
    }
  }
  return Object.fromEntries(Array.from(sums, ([job, { mass, count }]) => [job, mass / count]));
}

/**
 * Share of the attention of one query row on its target keys: the output with values of 1 at targets and 0 elsewhere.
 * Undefined where no visible key is a target.
 */
export function massAt(
  attention: Attention,
  { q, k }: Slice,
  head: ConstructedHead,
  queryHead: number,
  rank: number,
  position: number,
): number | undefined {
  const g = Math.floor(queryHead / (q.heads / k.heads));
  const isTarget = Float32Array.from({ length: k.length }, (_, key) => (head.isTarget(position, key, rank) ? 1 : 0));
  if (!isTarget.subarray(0, position + 1).includes(1)) return undefined;
  const row = oneHead(queryAt(q, position), queryHead);
  const v = tensor(isTarget, { shape: [1, 1, k.length, 1] });
  return attention.reference({ q: row, k: oneHead(k, g), v, queryOffset: position }).out[0];
}

function oneHead(all: Tensor, head: number): Tensor {
  return tensor(all.data, {
    shape: [1, 1, all.length, all.width],
    offset: all.offset + head * all.strides.h,
    strides: all.strides,
  });
}

/** Positions in the second half, where most keys are visible, in an order that is spread out from its beginning. */
function candidates(length: number): number[] {
  const half = length >> 1;
  const count = Math.min(8 * POSITIONS, length - half);
  const step = 27; // coprime to any count below 65 that is not a multiple of 3
  return Array.from(
    { length: count },
    (_, s) => half + Math.floor((((s * step) % count) + 0.5) * ((length - half) / count)),
  );
}
