import { dense, tensor, type Tensor } from "@saccade/core";
import type { CallShape } from "../measure/shape.ts";
import { openedRuntime, readerOf } from "./saccade-runtime.ts";
import type { Prepare } from "./system.ts";

/**
 * One step of Saccade's decoder: the last token is stored in the cache and attends to all. The token is taken back after the step, so that
 * every step is the same.
 */
export const saccadeDecoder =
  (name: "native" | "wasm"): Prepare =>
  async (shape, { q, k, v }, threads) => {
    const { B, H, G, N, M, D, E } = shape;
    if (N !== 1) throw new Error(`a step has one query (N ${N})`);
    const { runtime, info } = await openedRuntime(name, threads);
    const sizes = { batch: B, heads: H, kvHeads: G, headDim: D, valueDim: E, capacity: M };
    const decoder = dense({ causal: true }).decoder({ ...sizes, runtime, threads });
    await decoder.append({
      q: tensor(new Float32Array(B * (M - 1) * H * D), { shape: [B, M - 1, H, D], layout: "bnhd" }),
      k: tokens(k, shape, D, 0, M - 1),
      v: tokens(v, shape, E, 0, M - 1),
    });
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
      note: info.instructionSet,
    };
  };

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
