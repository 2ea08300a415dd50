import { type BiasTensor, type MaskTensor, biasTensor, maskTensor } from "@saccade/core";
import type { OnnxTensor } from "./proto.ts";
import { Unsupported } from "./unsupported.ts";

/** Sizes that a mask of pairs broadcasts to. */
export interface PairShape {
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
}

/** What `attn_mask` stands for: a mask (booleans) or a bias (floats). */
export interface PairTerms {
  readonly mask?: MaskTensor;
  readonly bias?: BiasTensor;
}

/**
 * `attn_mask` for the keys [first, first + count). ONNX aligns its axes to the right of [B, H, N, M] and hides the
 * keys behind a last axis that is shorter than M.
 */
export function pairTerms(
  input: OnnxTensor | undefined,
  pairs: PairShape,
  first: number = 0,
  count: number = pairs.keys,
): PairTerms {
  if (input === undefined) return {};
  const given = input.shape;
  if (given.length < 1 || given.length > 4) throw new TypeError(`attn_mask: expected 1 to 4 axes, got ${given.length}`);
  const [b, h, n, width] = [...Array.from({ length: 4 - given.length }, () => 1), ...given] as [
    number,
    number,
    number,
    number,
  ];
  const fits = (axis: number, size: number): boolean => axis === 1 || axis === size;
  if (!fits(b, pairs.batch) || !fits(h, pairs.heads) || !fits(n, pairs.queries) || width > pairs.keys) {
    const { batch, heads, queries, keys } = pairs;
    throw new TypeError(
      `attn_mask: [${given.join(", ")}] does not broadcast to [${[batch, heads, queries, keys].join(", ")}]`,
    );
  }
  const isMask = input.type === "bool";
  if (!isMask && !["float", "float16", "bfloat16"].includes(input.type))
    throw new Unsupported(`attn_mask of ${input.type}`);
  const shape: [number, number, number, number] = [b, h, n, count];
  const rows = b * h * n;
  const term = (row: number, key: number): number =>
    key < width ? input.values[row * width + key]! : isMask ? 0 : -Infinity;
  const fill = <Data extends Float32Array | Uint8Array>(data: Data): Data => {
    for (let row = 0; row < rows; row++) {
      for (let j = 0; j < count; j++) data[row * count + j] = term(row, first + j);
    }
    return data;
  };
  return isMask
    ? { mask: maskTensor(fill(new Uint8Array(rows * count)), { shape }) }
    : { bias: biasTensor(fill(new Float32Array(rows * count)), { shape }) };
}
