import { repeatHeads } from "../measure/inputs.ts";
import { loadPeer } from "../peers/load-peer.ts";
import { positionsFirst, type Prepare } from "./system.ts";

interface JaxArray {
  /** One more use of an array that its next consumer would otherwise take. */
  readonly ref: JaxArray;
  data(): Promise<Float32Array>;
}
interface Jax {
  init(...devices: string[]): Promise<string[]>;
  defaultDevice(device: string): void;
  jit(f: (...arrays: JaxArray[]) => JaxArray): (...arrays: JaxArray[]) => JaxArray;
  readonly nn: {
    dotProductAttention(q: JaxArray, k: JaxArray, v: JaxArray, options: { isCausal: boolean }): JaxArray;
  };
  readonly numpy: { array(data: Float32Array, options: { shape: readonly number[] }): JaxArray };
}

/** jax-js on its WebAssembly device, jitted; [B, N, H, D] is its layout. It has one thread. */
export const jaxJs: Prepare = async (shape, inputs, threads) => {
  if (threads !== 1) throw new Error("jax-js has one WebAssembly thread");
  const { B, H, G, N, M, D, E, causal } = shape;
  if (causal && N !== M) throw new Error("jax-js aligns a causal mask at the top left");
  const jax = await loadPeer<Jax>("@jax-js/jax");
  await jax.init("wasm");
  jax.defaultDevice("wasm");
  const { array } = jax.numpy;
  const q = array(inputs.q, { shape: [B, N, H, D] });
  const k = array(repeatHeads(inputs.k, B * M, G, H, D), { shape: [B, M, H, D] });
  const v = array(repeatHeads(inputs.v, B * M, G, H, E), { shape: [B, M, H, E] });
  const attend = jax.jit((...[a, b, c]) => jax.nn.dotProductAttention(a!, b!, c!, { isCausal: causal }));
  let out: Float32Array | undefined;
  return {
    run: async () => {
      out = await attend(q.ref, k.ref, v.ref).data();
    },
    read: () => positionsFirst(out!, shape),
  };
};
