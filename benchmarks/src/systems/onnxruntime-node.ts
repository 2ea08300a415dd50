import { loadPeer } from "../peers/load-peer.ts";
import { prepareOrt, type Ort, type OrtOperator } from "./onnxruntime.ts";
import type { Prepare } from "./system.ts";

/** The CPU provider of the native package. Its default of spinning workers is left as it is. */
export const onnxruntimeNode =
  (operator: OrtOperator): Prepare =>
  async (shape, inputs, threads) => {
    const ort = await loadPeer<Ort>("onnxruntime-node");
    const options = { executionProviders: ["cpu"], intraOpNumThreads: threads, interOpNumThreads: 1 };
    return prepareOrt(ort, options, operator, shape, inputs);
  };
