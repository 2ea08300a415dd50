import { mix32 } from "../text/n-grams.ts";

/** The index-th number of a seed, in 0..1 without 1. Any number can be had without those before it. */
export function uniformAt(seed: number, index: number): number {
  return mix32(mix32(seed) ^ Math.imul(index + 1, 0x9e3779b1)) / 0x1_0000_0000;
}

/** The index-th integer of a seed below `end`. */
export function integerAt(seed: number, index: number, end: number): number {
  return Math.floor(uniformAt(seed, index) * end);
}

/** A seed of its own for each purpose and each number: what is drawn for one says nothing about another. */
export function seedFor(seed: number, purpose: number, index: number): number {
  return mix32(mix32(mix32(seed) + purpose) + index);
}

/** 0 .. count - 1 in an order by the seed, each as likely as any other (Fisher and Yates). */
export function shuffled(seed: number, count: number): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let last = count - 1; last > 0; last--) {
    const other = integerAt(seed, last, last + 1);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
