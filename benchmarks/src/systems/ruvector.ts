import type { CallShape } from "../measure/shape.ts";
import { loadPeer } from "../peers/load-peer.ts";
import type { Prepare } from "./system.ts";

interface Ruvector {
  readonly FlashAttention: new (
    width: number,
    blockSize: number,
  ) => {
    compute(query: Float32Array, keys: Float32Array[], values: Float32Array[]): Float32Array;
  };
}

/**
 * One query of one head at a time, keys and values as arrays of rows: the interface that it has. Its causal form is
 * not used: it sees only key 0. A causal call hands each query the keys that it may see.
 */
export const ruvector: Prepare = async (shape, inputs, threads) => {
  if (threads !== 1) throw new Error("@ruvector/attention computes a query on one thread");
  const { B, H, G, N, M, D, E, causal } = shape;
  if (D !== E) throw new Error(`@ruvector/attention has one width (D ${D}, E ${E})`);
  const module = await loadPeer<Ruvector & { default?: Ruvector }>("@ruvector/attention");
  const { FlashAttention } = module.default ?? module;
  const flash = new FlashAttention(D, 64);
  const keys = rowsOf(inputs.k, B, M, G, D);
  const values = rowsOf(inputs.v, B, M, G, E);
  const queries = rowsOf(inputs.q, B, N, H, D);
  const out: Float32Array[] = Array.from({ length: B * H * N });
  return {
    run: () => {
      for (let b = 0; b < B; b++) {
        for (let h = 0; h < H; h++) {
          const list = b * G + Math.floor((h * G) / H);
          for (let i = 0; i < N; i++) {
            const seen = causal ? Math.max(0, i + M - N + 1) : M;
            const k = seen === M ? keys[list]! : keys[list]!.slice(0, seen);
            const v = seen === M ? values[list]! : values[list]!.slice(0, seen);
            out[(b * H + h) * N + i] = flash.compute(queries[b * H + h]![i]!, k, v);
          }
        }
      }
    },
    read: () => (b, h, i, e) => out[(b * H + h) * N + i]![e]!,
  };
};

/** Per (batch element, head): its rows as arrays of their own. */
function rowsOf(data: Float32Array, B: number, N: CallShape["N"], H: number, D: number): Float32Array[][] {
  return Array.from({ length: B * H }, (_, list) =>
    Array.from({ length: N }, (_row, n) => {
      const from = ((Math.floor(list / H) * N + n) * H + (list % H)) * D;
      return data.slice(from, from + D);
    }),
  );
}
