import { dense, openRuntime, tensor, type Runtime, type Tensor } from "@saccade/core";
import type { Prepare } from "./system.ts";

const opened = new Map<string, Promise<Runtime>>();

/** Runtimes are opened once in a process, as a caller would. */
function runtimeOf(name: "native" | "wasm", threads: number): Promise<Runtime> {
  const key = `${name} ${threads}`;
  const open = opened.get(key) ?? openRuntime(name, { threads });
  opened.set(key, open);
  return open;
}

/** Saccade's dense attention on the caller's arrays, in the same layout as onnxruntime's: [B, N, H, D]. */
export const saccade =
  (name: "native" | "wasm", call: "forward" | "forwardSync"): Prepare =>
  async ({ B, H, G, N, M, D, E, causal }, inputs, threads) => {
    const runtime = await runtimeOf(name, threads);
    const attend = dense({ causal });
    const layout = "bnhd";
    const q = tensor(inputs.q, { shape: [B, N, H, D], layout });
    const k = tensor(inputs.k, { shape: [B, M, G, D], layout });
    const v = tensor(inputs.v, { shape: [B, M, G, E], layout });
    let out: Tensor | undefined;
    const options = { runtime, threads };
    const info = runtime.info(threads);
    if (info.threads !== threads) throw new Error(`ran on ${info.threads} threads: ${info.notTaken.join("; ")}`);
    return {
      run:
        call === "forward"
          ? async () => {
              out = (await attend.forward({ q, k, v }, options)).out;
            }
          : () => {
              out = attend.forwardSync({ q, k, v }, options).out;
            },
      read: () => {
        const { strides, offset } = out!;
        const data = out!.data instanceof Float32Array ? out!.data : out!.data.floats();
        return (b, h, i, e) => data[offset + b * strides.b + h * strides.h + i * strides.n + e]!;
      },
      note: info.instructionSet,
    };
  };
