import type { Tensor } from "@saccade/core";
import { cut, type SelectedBlocks, type SelectingCall } from "@saccade/core/variants";
import { overlapWeights, type ImportanceSizes } from "./block-importance.ts";
import { completeBlocks, type Compression } from "./compression.ts";
import { ascendingLists, dot, row } from "./exact-rows.ts";
import type { NativeSparseInputs } from "./native-sparse-inputs.ts";
import { selectedOf } from "./past-lists.ts";

type Call = SelectingCall<NativeSparseInputs>;

/** What compressed keys and values give to the queries of one head, in float64. */
export interface ExactCompressed {
  /** Of every query the probabilities of the blocks that it sees. */
  readonly probabilities: readonly Float64Array[];
  /** Of every query what it reads, [E]. */
  readonly rows: readonly Float64Array[];
}

/** The compressed branch of a head by its definition. */
export function exactCompressed(call: Call, compression: Compression, b: number, h: number): ExactCompressed {
  const { shape, positions, scores, inputs, part } = call;
  const g = Math.floor(h / (shape.heads / shape.kvHeads));
  const own = (view: Tensor | undefined): Tensor | undefined => view && cut(view, part, part.key, part.keyEnd);
  const length = positions.keyLength[b]!;
  const keys = compressed(own(inputs.compressedKeys) ?? call.k, b, g, length, compression);
  const values = compressed(own(inputs.compressedValues) ?? call.v, b, g, length, compression);
  const probabilities: Float64Array[] = [];
  const rows: Float64Array[] = [];
  for (let i = 0; i < shape.queries; i++) {
    const visible = completeBlocks(Math.min(length, i + positions.queryOffset[b]! + 1), compression);
    const q = row(call.q, b, h, i);
    const logits = keys.slice(0, visible).map((key) => scores.scale * dot(q, key));
    const most = Math.max(...logits);
    const weights = Float64Array.from(logits, (logit) => Math.exp(logit - most));
    const sum = weights.reduce((all, weight) => all + weight, 0);
    const each = weights.map((weight) => weight / sum);
    const read = new Float64Array(shape.valueDim);
    each.forEach((p, c) => values[c]!.forEach((x, e) => (read[e]! += p * x)));
    probabilities.push(each);
    rows.push(read);
  }
  return { probabilities, rows };
}

function compressed(
  tokens: Tensor,
  b: number,
  g: number,
  length: number,
  { length: size, stride, weights }: Compression,
): Float64Array[] {
  return Array.from({ length: completeBlocks(length, { length: size, stride }) }, (_, block) => {
    const sum = new Float64Array(tokens.width);
    for (let i = 0; i < size; i++) {
      const weight = weights[weights.length === size ? i : g * size + i]!;
      row(tokens, b, g, block * stride + i).forEach((x, d) => (sum[d]! += weight * x));
    }
    return sum;
  });
}

/** The blocks that are selected, by their definition. */
export function exactNativeBlocks(call: Call, sizes: ImportanceSizes & Compression): SelectedBlocks {
  const { shape, positions } = call;
  const { batch, heads, kvHeads, queries } = shape;
  const { blockSize, topK } = sizes;
  const group = heads / kvHeads;
  const lists = Array.from({ length: batch * kvHeads }, (_, list) => {
    const [b, g] = [Math.floor(list / kvHeads), list % kvHeads];
    const of = Array.from(
      { length: group },
      (_head, j) => exactCompressed(call, sizes, b, g * group + j).probabilities,
    );
    return ascendingLists(queries, (i) => {
      const position = i + positions.queryOffset[b]!;
      const own = Math.floor(position / blockSize);
      const blocks = Math.ceil(Math.min(positions.keyLength[b]!, position + 1) / blockSize);
      const ranked = Array.from({ length: Math.max(0, blocks) }, (_block, block) => ({
        block,
        importance:
          block === 0 || block >= own - 1
            ? Infinity
            : importanceOf(
                block,
                of.map((rows) => rows[i]!),
                sizes,
              ),
      }));
      ranked.sort((x, y) => (x.importance === y.importance ? x.block - y.block : y.importance - x.importance));
      return ranked.slice(0, topK).map(({ block }) => block);
    });
  });
  return selectedOf(lists, shape, { blockSize, choosers: "kvHeads" });
}

/** The probabilities of compressed blocks that overlap a block, by their weights, summed over the heads of a group. */
function importanceOf(block: number, probabilities: readonly Float64Array[], sizes: ImportanceSizes): number {
  const first = (block * sizes.blockSize) / sizes.stride - (sizes.length / sizes.stride - 1);
  let sum = 0;
  overlapWeights(sizes).forEach((weight, c) => {
    for (const each of probabilities) sum += weight * (each[first + c] ?? 0);
  });
  return sum;
}
