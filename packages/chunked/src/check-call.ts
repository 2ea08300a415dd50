import type { Tensor } from "@saccade/core";
import { shown } from "./checks.ts";

/** What the parts of a call cannot check, as it belongs to the whole. */
export function checkCall(
  where: string,
  q: Tensor,
  v: Tensor,
  learnedSinks: Float32Array | undefined,
  out: Tensor | undefined,
): void {
  if (q?.strides === undefined) throw new TypeError(`${where}: q is ${shown(q)}, expected a tensor`);
  if (learnedSinks !== undefined && learnedSinks.length !== q.heads) {
    throw new RangeError(`${where}: learnedSinks has ${learnedSinks.length} logits, q has H = ${q.heads}`);
  }
  if (out === undefined) return;
  const [got, want] = [
    [out.batch, out.heads, out.length, out.width],
    [q.batch, q.heads, q.length, v?.width],
  ];
  if (got.every((size, axis) => size === want[axis])) return;
  throw new RangeError(`${where}: out is [B, H, N, E] = [${got.join(", ")}], expected [${want.join(", ")}]`);
}
