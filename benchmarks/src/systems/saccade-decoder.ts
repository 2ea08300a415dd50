import { dense, mask, tensor, type Attention, type Tensor } from "@saccade/core";
import type { CallShape } from "../measure/shape.ts";
import { attentionOf } from "./saccade-attention.ts";
import { openedRuntime, readerOf } from "./saccade-runtime.ts";
import type { Prepare } from "./system.ts";

/** Tokens that fill the cache in one call, so that their queries stay small. */
const PIECE = 8192;

/**
 * One step of Saccade's decoder: the last token is stored in the cache and attends to what it sees. The token is taken back after the step,
 * so that every step is the same.
 */
export const saccadeDecoder =
  (name: "native" | "wasm"): Prepare =>
  async (shape, { q, k, v }, threads) => {
    const { B, H, G, N, M, D, E, stored } = shape;
    if (N !== 1) throw new Error(`a step has one query (N ${N})`);
    const { runtime, info } = await openedRuntime(name, threads);
    const sizes = { batch: B, heads: H, kvHeads: G, headDim: D, valueDim: E, capacity: M };
    const decoder = stepAttention(shape).decoder({ ...sizes, dtype: stored, rewindable: 1, runtime, threads });
    for (let first = 0; first < M - 1; first += PIECE) {
      const count = Math.min(PIECE, M - 1 - first);
      // One after another is how a cache grows.
      // oxlint-disable-next-line no-await-in-loop
      await decoder.append({
        q: tensor(new Float32Array(B * count * H * D), { shape: [B, count, H, D], layout: "bnhd" }),
        k: tokens(k, shape, D, first, count),
        v: tokens(v, shape, E, first, count),
      });
    }
    const step = {
      q: tensor(q, { shape: [B, 1, H, D], layout: "bnhd" }),
      k: tokens(k, shape, D, M - 1, 1),
      v: tokens(v, shape, E, M - 1, 1),
    };
    let out: Tensor | undefined;
    return {
      run: async () => {
        out = (await decoder.append(step)).out;
        decoder.rewind(1);
      },
      read: () => readerOf(out!),
      note: `${info.instructionSet}, cache ${(decoder.cacheBytes / 2 ** 20).toFixed(1)} MB`,
    };
  };

/** Filling a long cache would take the time of a whole prompt, so there all queries but that of the step look at nothing. */
function stepAttention(shape: CallShape): Attention {
  const { M } = shape;
  const quick = M > 2 * PIECE && shape.window === undefined && shape.documents === undefined;
  if (!quick) return attentionOf(shape);
  return dense({ causal: true, softcap: shape.softcap, mask: mask`q >= ${M - 1}` });
}

/** Tokens first .. first + count - 1 of keys or values that lie in [B, M, G, width]. */
function tokens(data: Float32Array, { B, G, M }: CallShape, width: number, first: number, count: number): Tensor {
  const row = G * width;
  return tensor(data, {
    shape: [B, count, G, width],
    layout: "bnhd",
    offset: first * row,
    strides: { b: M * row, h: width, n: row },
  });
}
