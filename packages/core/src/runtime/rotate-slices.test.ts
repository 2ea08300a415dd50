import { describe, expect, test } from "vitest";
import type { RotationJob } from "../rotation.ts";
import { contiguous, type Tensor } from "../tensor.ts";
import { rotationSlices } from "./rotate-slices.ts";

const view = (batch: number, heads: number, length: number, width: number): Tensor => ({
  data: new Float32Array(batch * heads * length * width),
  batch,
  heads,
  length,
  width,
  layout: "bhnd",
  offset: 0,
  strides: contiguous("bhnd", heads, length, width),
});

const jobOf = (x: Tensor, positions?: Int32Array): RotationJob => ({
  from: x,
  to: x,
  rotation: { cos: new Float32Array(0), sin: new Float32Array(0), length: 0, rotaryDim: 2, pairs: "half" },
  positions,
  positionStride: positions !== undefined && positions.length > x.length ? x.length : 0,
  offset: 10,
});

describe("rotationSlices", () => {
  test("leave a small rotation whole", () => {
    const job = jobOf(view(2, 3, 4, 8));
    expect([...rotationSlices(job, 192)]).toEqual([job]);
  });

  test("cover every token once, with all its heads", () => {
    const slices = [...rotationSlices(jobOf(view(2, 3, 5, 8)), 48)];
    expect(slices.map(({ from, offset }) => [from.offset, from.length, offset])).toEqual([
      [0, 2, 10],
      [16, 2, 12],
      [32, 1, 14],
      [120, 2, 10],
      [136, 2, 12],
      [152, 1, 14],
    ]);
  });

  test("take the positions of their own batch element", () => {
    const slices = [...rotationSlices(jobOf(view(2, 1, 3, 8), Int32Array.of(1, 2, 3, 4, 5, 6)), 1000)];
    expect(slices.map(({ positions }) => [...positions!])).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });

  test("are of one token where even that is too much, and none where there is nothing", () => {
    expect([...rotationSlices(jobOf(view(1, 3, 4, 8)), 5)]).toHaveLength(4);
    expect([...rotationSlices(jobOf(view(1, 0, 4, 8)), 5)]).toHaveLength(0);
  });
});
