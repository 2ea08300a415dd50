import type { PartialResult } from "./attention.ts";
import { checkOut, type AttentionShape } from "./shape.ts";
import { checkExtent, contiguous, describe, floatsOf, type Tensor } from "./tensor.ts";

export interface MergeOptions {
  /** [H] logits in the softmax's denominator that belong to no key. They enter here, once: partial results leave them out. */
  readonly learnedSinks?: ArrayLike<number> | undefined;
  /** Write into this tensor [B, H, N, E], which must not overlap the partial results. Default: a new array. */
  readonly out?: Tensor | undefined;
}

/** A joined result. Without learned sinks it is a partial result again, so that joining can go on. */
export type MergeResult<O> = O extends { readonly learnedSinks: ArrayLike<number> }
  ? Pick<PartialResult, "out" | "lse">
  : PartialResult;

/**
 * Joins partial results over disjoint sets of keys into the result over all of them:
 *
 * ```text
 *   lse = ln(sum_p e^(lse_p) + e^sink_h)
 *   out = sum_p e^(lse_p - lse) out_p
 * ```
 *
 * The largest lse is taken out first, and sums are in float64: nothing overflows, and a row of which only one partial saw keys is that
 * partial's row, bit for bit. Rows that none saw are 0, their lse -Infinity or the sink.
 *
 * @param partials what `forward(inputs, { partial: true })` returned; all [B, H, N, E], layouts may differ.
 * @throws RangeError when shapes differ or there are no partials, TypeError for results that are not joined by lse.
 * @example
 * const parts = await Promise.all(chunks.map((keys) => attend.forward({ q, ...keys }, { partial: true })));
 * const { out } = merge(parts, { learnedSinks });
 */
export function merge<const O extends MergeOptions = MergeOptions>(
  partials: readonly PartialResult[],
  options?: O,
): MergeResult<O> {
  const first = partials[0];
  if (first === undefined) throw new RangeError("merge: expected at least one partial result, got none");
  const shape = partials.map((partial, index) => checkPartial(partial, index, first))[0]!;
  const { batch, heads, queries, valueDim } = shape;
  const learnedSinks = options?.learnedSinks;
  if (learnedSinks !== undefined && learnedSinks.length !== heads) {
    throw new RangeError(
      `merge: learnedSinks has ${learnedSinks.length} logits, the partial results have H = ${heads}`,
    );
  }
  const inputs = partials.map((partial) => partial.out);
  if (options?.out !== undefined) checkOut("merge", options.out, shape, inputs);
  const out = options?.out ?? {
    ...first.out,
    data: new Float32Array(batch * heads * queries * valueDim),
    offset: 0,
    strides: contiguous(first.out.layout, heads, queries, valueDim),
  };
  const lse = new Float32Array(batch * heads * queries);
  const sources = inputs.map((input) => floatsOf(input));
  const target = floatsOf(out);
  const sums = new Float64Array(valueDim);

  for (let row = 0; row < lse.length; row++) {
    const i = row % queries;
    const h = Math.floor(row / queries) % heads;
    const b = Math.floor(row / queries / heads);
    const sink = learnedSinks?.[h] ?? -Infinity;
    let max = sink;
    for (const partial of partials) max = Math.max(max, partial.lse[row]!);
    sums.fill(0);
    let sum = sink === -Infinity ? 0 : Math.exp(sink - max);
    for (let p = 0; p < partials.length; p++) {
      // A partial that saw no key has weight 0: it is left out, for it may hold anything in `out`.
      if (partials[p]!.lse[row] === -Infinity) continue;
      const weight = Math.exp(partials[p]!.lse[row]! - max);
      sum += weight;
      const at = rowAt(inputs[p]!, b, h, i);
      const source = sources[p]!;
      for (let e = 0; e < valueDim; e++) sums[e]! += weight * source[at + e]!;
    }
    const at = rowAt(out, b, h, i);
    for (let e = 0; e < valueDim; e++) target[at + e] = sum === 0 ? 0 : sums[e]! / sum;
    lse[row] = sum === 0 ? -Infinity : max + Math.log(sum);
  }
  const joined = learnedSinks === undefined ? { out, lse, combine: "lse" } : { out, lse };
  return joined as MergeResult<O>;
}

function checkPartial(partial: PartialResult, index: number, first: PartialResult): AttentionShape {
  if (partial.combine !== "lse") {
    throw new TypeError(
      `merge: partials[${index}] has combine ${describe(partial.combine)}, expected "lse": a result of { partial: true }`,
    );
  }
  const { batch, heads, length, width } = partial.out;
  const want = first.out;
  if (batch !== want.batch || heads !== want.heads || length !== want.length || width !== want.width) {
    throw new RangeError(
      `merge: partials[${index}] is [B, H, N, E] = [${batch}, ${heads}, ${length}, ${width}], ` +
        `partials[0] is [${want.batch}, ${want.heads}, ${want.length}, ${want.width}]`,
    );
  }
  if (partial.lse.length !== batch * heads * length) {
    throw new RangeError(
      `merge: partials[${index}].lse has ${partial.lse.length} elements, expected B H N = ${batch * heads * length}`,
    );
  }
  checkExtent("merge", `partials[${index}].out`, partial.out);
  return { batch, heads, kvHeads: heads, queries: length, keys: 0, headDim: width, valueDim: width };
}

function rowAt({ offset, strides }: Tensor, b: number, h: number, i: number): number {
  return offset + b * strides.b + h * strides.h + i * strides.n;
}
