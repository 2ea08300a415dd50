import { tensor, type AttentionInputs, type Tensor } from "@saccade/core";
import { headsFirst, type Inputs } from "../measure/inputs.ts";
import type { CallShape } from "../measure/shape.ts";
import { attentionOf } from "./saccade-attention.ts";
import { openedRuntime, readerOf } from "./saccade-runtime.ts";
import type { Prepare } from "./system.ts";

/**
 * Saccade's attention on the caller's arrays. A prompt lies as onnxruntime's MultiHeadAttention takes it, in [B, N, H, D]; the keys of a
 * single query, and of blocks, lie as caches keep them (Saccade's decoder, onnxruntime's past), in [B, H, N, D].
 */
export const saccade =
  (name: "native" | "wasm", call: "forward" | "forwardSync"): Prepare =>
  async (shape, inputs, threads) => {
    const { runtime, info } = await openedRuntime(name, threads);
    const attend = attentionOf(shape);
    const tensors = shape.N === 1 || shape.blocks !== undefined ? asCache(shape, inputs) : asPrompt(shape, inputs);
    const options = { runtime, threads };
    let out: Tensor | undefined;
    return {
      run:
        call === "forward"
          ? async () => {
              out = (await attend.forward(tensors, options)).out;
            }
          : () => {
              out = attend.forwardSync(tensors, options).out;
            },
      // Rotated queries and keys have no check here.
      ...(shape.dualChunk === undefined && { read: () => readerOf(out!) }),
      note: info.instructionSet,
    };
  };

function asPrompt({ B, H, G, N, M, D, E }: CallShape, { q, k, v }: Inputs): AttentionInputs {
  const layout = "bnhd";
  return {
    q: tensor(q, { shape: [B, N, H, D], layout }),
    k: tensor(k, { shape: [B, M, G, D], layout }),
    v: tensor(v, { shape: [B, M, G, E], layout }),
  };
}

function asCache({ B, H, G, N, M, D, E }: CallShape, { q, k, v }: Inputs): AttentionInputs {
  return {
    q: tensor(headsFirst(q, B, N, H, D), { shape: [B, H, N, D] }),
    k: tensor(headsFirst(k, B, M, G, D), { shape: [B, G, M, D] }),
    v: tensor(headsFirst(v, B, M, G, E), { shape: [B, G, M, E] }),
  };
}
