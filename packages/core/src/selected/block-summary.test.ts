import fc from "fast-check";
import { expect, test } from "vitest";
import { RandomNumbers } from "../../test/random-numbers.ts";
import { tensor, type Tensor } from "../tensor.ts";
import { BlockSummary, meanOfKeys } from "./block-summary.ts";

const [batch, kvHeads, headDim] = [2, 2, 5];

function taken(summary: BlockSummary, b: number, end: number, k: Tensor): void {
  const keys = (from: number, to: number): Tensor => ({
    ...k,
    offset: k.offset + from * k.strides.n,
    length: to - from,
  });
  for (const _ of summary.take(b, end, keys));
}

test("means of blocks have the same bits however keys come, and after keys were taken back", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 90 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.tuple(fc.nat({ max: 90 }), fc.nat({ max: 90 })), { maxLength: 6 }),
      fc.constantFrom("bhnd" as const, "bnhd" as const),
      (keys, blockSize, detours, layout) => {
        const shape =
          layout === "bhnd" ? ([batch, kvHeads, keys, headDim] as const) : ([batch, keys, kvHeads, headDim] as const);
        const k = tensor(new RandomNumbers(keys).normal(batch * kvHeads * keys * headDim), { shape, layout });
        const sizes = { batch, kvHeads, headDim, keys, blockSize };
        const [whole, parts] = [new BlockSummary(sizes, meanOfKeys), new BlockSummary(sizes, meanOfKeys)];
        for (let b = 0; b < batch; b++) taken(whole, b, keys, k);
        for (const [to, back] of detours) {
          for (let b = 0; b < batch; b++) taken(parts, b, Math.min(keys, to), k);
          parts.truncate(back);
        }
        for (let b = 0; b < batch; b++) taken(parts, b, keys, k);
        expect(parts.rows.data).toEqual(whole.rows.data);
      },
    ),
  );
});

test("a block's row is the mean of its keys, the last one's of those that there are", () => {
  const k = tensor(
    Float32Array.from({ length: 7 }, (_, n) => 2 ** n),
    { shape: [1, 1, 7, 1] },
  );
  const summary = new BlockSummary({ batch: 1, kvHeads: 1, headDim: 1, keys: 7, blockSize: 3 }, meanOfKeys);
  taken(summary, 0, 5, k);
  expect(summary.rows.data).toEqual(Float32Array.of(7 / 3, 24 / 2, 0));
  taken(summary, 0, 7, k);
  expect(summary.rows.data).toEqual(Float32Array.of(7 / 3, 56 / 3, 64));
});
