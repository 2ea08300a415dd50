import type { Candidate } from "@saccade/advisor";
import { type Tensor, tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";
import type { Slice } from "../input/input.ts";
import { type AccuracyContext, callOptions } from "./accuracy-context.ts";
import { rowsStandAlone } from "./rows-stand-alone.ts";

/** What a candidate computed of some heads. */
export interface ComparedOutput {
  /** [1, H, N, E] */
  readonly out: Tensor;
  /** [1, H, N], of candidates with `softmax`: what mass recall is computed from. */
  readonly lse?: Float32Array | undefined;
}

/** Operations that take as long as reading a byte from memory. */
const FLOPS_PER_BYTE = 8;
/** Operations that take as long as it takes to begin a call. */
const FLOPS_PER_CALL = 1e7;

/**
 * A candidate's output over some heads, with the logarithms of its sums where it has any: the rows at some positions, of which each is
 * a call of its own over the keys up to it where rows stand alone and that is expected to be faster; else all rows in one call.
 */
export async function comparedOutput(
  candidate: Candidate,
  slice: Slice,
  positions: readonly number[],
  context: AccuracyContext,
): Promise<ComparedOutput> {
  if (!rowsStandAlone(candidate) || !rowsAreFaster(candidate, slice, positions.length)) {
    return outputOf(candidate, slice, context);
  }
  const { heads, length } = slice.q;
  const width = slice.v.width;
  // Pages of these that no row is written to are never touched.
  const out = new Float32Array(heads * length * width);
  const lse = candidate.softmax === undefined ? undefined : new Float32Array(heads * length);
  for (const position of positions) {
    const row = await outputOf(candidate, rowAt(slice, position), context);
    const numbers = floatsOf(row.out);
    for (let h = 0; h < heads; h++) {
      const at = row.out.offset + h * row.out.strides.h;
      out.set(numbers.subarray(at, at + width), (h * length + position) * width);
      if (lse) lse[h * length + position] = row.lse![h]!;
    }
  }
  return { out: tensor(out, { shape: [1, heads, length, width] }), lse };
}

async function outputOf(candidate: Candidate, slice: Slice, context: AccuracyContext): Promise<ComparedOutput> {
  if (candidate.softmax === undefined) return candidate.forward(slice, callOptions(context));
  return candidate.softmax.forward(slice, { ...callOptions(context), lse: true });
}

/** One query row with the keys and values up to it, as views. */
function rowAt({ q, k, v }: Slice, position: number): Slice {
  const query: Tensor = { ...q, offset: q.offset + position * q.strides.n, length: 1 };
  return { q: query, k: { ...k, length: position + 1 }, v: { ...v, length: position + 1 } };
}

function rowsAreFaster(candidate: Candidate, { q, k, v }: Slice, rows: number): boolean {
  const sizes = { heads: q.heads, kvHeads: k.heads, headDim: q.width, valueDim: v.width };
  const row = { ...sizes, queries: 1, keys: Math.ceil(k.length / 2) };
  if (candidate.refuses(row) !== undefined) return false;
  const { flops, bytesRead } = candidate.plan(row);
  const all = candidate.plan({ ...sizes, queries: q.length }).flops;
  return rows * (flops + FLOPS_PER_BYTE * bytesRead + FLOPS_PER_CALL) < all;
}
