import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { headsFirst, repeatHeads } from "../measure/inputs.ts";
import { loadPeer } from "../peers/load-peer.ts";
import { headsFirstReader, type Prepare } from "./system.ts";

interface TfTensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}
interface Tf {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tensor(data: Float32Array, shape: readonly number[]): TfTensor;
  tidy<T>(f: () => T): T;
  matMul(a: TfTensor, b: TfTensor, transposeA?: boolean, transposeB?: boolean): TfTensor;
  softmax(x: TfTensor): TfTensor;
  mul(a: TfTensor, b: number): TfTensor;
  add(a: TfTensor, b: TfTensor): TfTensor;
}
interface TfWasm {
  setWasmPaths(folder: string): void;
}

/** softmax(Q K' / sqrt(D) + mask) V, written with its operators: it has no attention of its own. */
export const tfjs: Prepare = async (shape, inputs, threads) => {
  if (threads !== 1) throw new Error("tfjs has one WebAssembly thread in Node");
  const { B, H, G, N, M, D, E, causal } = shape;
  const tf = await loadPeer<Tf>("@tensorflow/tfjs");
  const wasm = await loadPeer<TfWasm>("@tensorflow/tfjs-backend-wasm");
  const folder = dirname(
    fileURLToPath(new URL("../../peers/node_modules/@tensorflow/tfjs-backend-wasm/dist/index.js", import.meta.url)),
  );
  wasm.setWasmPaths(`${folder}/`);
  if (!(await tf.setBackend("wasm"))) throw new Error("tfjs did not start its wasm backend");
  await tf.ready();
  const q = tf.tensor(headsFirst(inputs.q, B, N, H, D), [B, H, N, D]);
  const k = tf.tensor(headsFirst(repeatHeads(inputs.k, B * M, G, H, D), B, M, H, D), [B, H, M, D]);
  const v = tf.tensor(headsFirst(repeatHeads(inputs.v, B * M, G, H, E), B, M, H, E), [B, H, M, E]);
  const mask = causal ? tf.tensor(causalBias(N, M), [1, 1, N, M]) : undefined;
  let out: Float32Array | undefined;
  return {
    run: async () => {
      const result = tf.tidy(() => {
        const scaled = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(D));
        return tf.matMul(tf.softmax(mask ? tf.add(scaled, mask) : scaled), v);
      });
      out = await result.data();
      result.dispose();
    },
    read: () => headsFirstReader(out!, shape),
  };
};

function causalBias(N: number, M: number): Float32Array {
  const bias = new Float32Array(N * M);
  for (let i = 0; i < N; i++) bias.fill(-1e9, i * M + Math.max(0, i + M - N + 1), (i + 1) * M);
  return bias;
}
