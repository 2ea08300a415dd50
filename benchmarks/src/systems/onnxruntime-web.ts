import { loadPeer } from "../peers/load-peer.ts";
import { prepareOrt, type Ort, type OrtOperator } from "./onnxruntime.ts";
import type { Prepare } from "./system.ts";

/** The WebAssembly provider. It replaces globalThis.Worker, one more reason for a process of its own. */
export const onnxruntimeWeb =
  (operator: OrtOperator): Prepare =>
  async (shape, inputs, threads) => {
    const ort = await loadPeer<Ort>("onnxruntime-web");
    ort.env.wasm.numThreads = threads;
    return prepareOrt(ort, { executionProviders: ["wasm"] }, operator, shape, inputs);
  };
