import { merge, tensor, type PartialResult, type Tensor } from "@saccade/core";
import { pause } from "@saccade/core/variants";

/** Rows that are mixed between two looks at the clock: less than a millisecond's. */
const SLICE_ROWS = 512;
/** Milliseconds after which the event loop gets a turn. */
const TURN = 8;

/** Branches as one result: weighted by the denominators of their softmax, which is how disjoint keys are joined too. */
export interface Mixed {
  readonly out: Tensor;
  /** [B, H, N] */
  readonly lse: Float32Array;
}

interface MixOptions {
  readonly learnedSinks: Float32Array | undefined;
  readonly out: Tensor | undefined;
}

export function mixSync(branches: readonly PartialResult[], options: MixOptions): Mixed {
  const mixed = room(branches[0]!, options.out);
  for (const slice of slicesOf(mixed.out)) mixSlice(branches, mixed, slice, options.learnedSinks);
  return mixed;
}

/** The same bits, with turns for the event loop. */
export async function mix(branches: readonly PartialResult[], options: MixOptions): Promise<Mixed> {
  const mixed = room(branches[0]!, options.out);
  let since = performance.now();
  for (const slice of slicesOf(mixed.out)) {
    mixSlice(branches, mixed, slice, options.learnedSinks);
    if (performance.now() - since < TURN) continue;
    await pause();
    since = performance.now();
  }
  return mixed;
}

interface Slice {
  readonly b: number;
  readonly h: number;
  readonly from: number;
  readonly to: number;
}

function* slicesOf({ batch, heads, length }: Tensor): Iterable<Slice> {
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let from = 0; from < length; from += SLICE_ROWS) {
        yield { b, h, from, to: Math.min(from + SLICE_ROWS, length) };
      }
    }
  }
}

function mixSlice(
  branches: readonly PartialResult[],
  { out, lse }: Mixed,
  { b, h, from, to }: Slice,
  learnedSinks: Float32Array | undefined,
): void {
  const row = (b * out.heads + h) * out.length;
  const rows = ({ offset, strides, ...view }: Tensor): Tensor => ({
    ...view,
    strides,
    offset: offset + b * strides.b + h * strides.h + from * strides.n,
    batch: 1,
    heads: 1,
    length: to - from,
  });
  const parts = branches.map((branch): PartialResult => ({
    combine: "lse",
    out: rows(branch.out),
    lse: branch.lse.subarray(row + from, row + to),
  }));
  const sink = learnedSinks?.subarray(h, h + 1);
  lse.set(merge(parts, { out: rows(out), learnedSinks: sink }).lse, row + from);
}

function room({ out: like, lse }: PartialResult, out: Tensor | undefined): Mixed {
  return { out: out ?? emptyLike(like), lse: new Float32Array(lse.length) };
}

function emptyLike({ batch, heads, length, width, layout }: Tensor): Tensor {
  const shape = layout === "bhnd" ? ([batch, heads, length, width] as const) : ([batch, length, heads, width] as const);
  return tensor(new Float32Array(batch * heads * length * width), { shape, layout });
}
