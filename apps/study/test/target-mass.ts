import { type Attention, type Tensor, tensor } from "@saccade/core";
import type { ConstructedHead } from "../src/heads/head.ts";
import type { Slice } from "../src/input/input.ts";

/**
 * Share of the attention of one query row on its target keys: the output with values of 1 at targets and 0 elsewhere, through the float64
 * reference. Undefined where no visible key is a target.
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
  const v = tensor(isTarget, { shape: [1, 1, k.length, 1] });
  const row = part(q, queryHead, position, 1);
  return attention.reference({ q: row, k: part(k, g, 0, k.length), v, queryOffset: position }).out[0];
}

/** Some tokens of one head, as a view. */
function part({ data, width, offset, strides }: Tensor, head: number, first: number, count: number): Tensor {
  return tensor(data, {
    shape: [1, 1, count, width],
    offset: offset + head * strides.h + first * strides.n,
    strides,
  });
}
