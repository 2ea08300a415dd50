import { tensor, type Runtime, type Tensor } from "@saccade/core";
import { deltaNet, gated, gatedDeltaNet, identity, linear, scalarGated } from "@saccade/linear";
import { gaussianLike, headsFirst } from "../measure/inputs.ts";
import type { LinearSizes, PackedTokens, UpdateRule } from "./ort-linear.ts";

/** Tokens of all that a variant may read, keys of length 1, heads innermost as the peer has them. */
export function packedTokens({ H, N, D }: LinearSizes, rule: UpdateRule, perChannel: boolean): PackedTokens {
  const k = gaussianLike(N * H * D, 2);
  for (let row = 0; row < k.length; row += D) {
    const length = Math.hypot(...k.subarray(row, row + D));
    for (let d = row; d < row + D; d++) k[d]! /= length;
  }
  const uniform = (count: number, seed: number): Float32Array =>
    gaussianLike(count, seed).map((x) => 1 / (1 + Math.exp(-x)));
  const gates = rule.startsWith("gated");
  return {
    q: gaussianLike(N * H * D, 1),
    k,
    v: gaussianLike(N * H * D, 3),
    decay: gates ? uniform(N * H * (perChannel ? D : 1), 4).map((x) => -x / 4) : undefined,
    beta: rule.endsWith("delta") ? uniform(N * H, 5) : undefined,
  };
}

export interface Call {
  readonly inputs: Readonly<Record<"q" | "k" | "v" | "decay" | "beta", Tensor>>;
  /** Written again and again, as the peer's arena is: a fresh array costs as much as half a call. */
  readonly out: Tensor;
}

/** The same tokens with heads outermost, which is our own layout. */
export function callOf({ H, N, D }: LinearSizes, { q, k, v, decay, beta }: PackedTokens): Call {
  const view = (data: Float32Array, width: number): Tensor =>
    tensor(headsFirst(data, 1, N, H, width), { shape: [1, H, N, width] });
  const none = new Float32Array(N * H);
  return {
    inputs: {
      q: view(q, D),
      k: view(k, D),
      v: view(v, D),
      decay: view(decay ?? none, (decay ?? none).length / N / H),
      beta: view(beta ?? none, 1),
    },
    out: tensor(new Float32Array(N * H * D), { shape: [1, H, N, D] }),
  };
}

type Run = (call: Call, runtime: Runtime) => unknown;

const plain = linear({ map: identity(), normalise: false, scale: 1 / 8 });
const [gate, headGate, delta, gatedDelta] = [gated(), scalarGated(), deltaNet(), gatedDeltaNet()];

export const VARIANTS: Readonly<
  Record<string, { readonly rule: UpdateRule; readonly perChannel: boolean; readonly run: Run }>
> = {
  linear: {
    rule: "linear",
    perChannel: false,
    run: (x, runtime) => plain.forwardSync(x.inputs, { runtime, out: x.out }),
  },
  gated: { rule: "gated", perChannel: true, run: (x, runtime) => gate.forwardSync(x.inputs, { runtime, out: x.out }) },
  "gated-head": {
    rule: "gated",
    perChannel: false,
    run: (x, runtime) => headGate.forwardSync(x.inputs, { runtime, out: x.out }),
  },
  delta: {
    rule: "delta",
    perChannel: false,
    run: (x, runtime) => delta.forwardSync(x.inputs, { runtime, out: x.out }),
  },
  "gated-delta": {
    rule: "gated_delta",
    perChannel: false,
    run: (x, runtime) => gatedDelta.forwardSync(x.inputs, { runtime, out: x.out }),
  },
};

/** Tokens [from, from + N) of a call. */
export function cut({ inputs, out }: Call, from: number, N: number): Call {
  const slice = (view: Tensor): Tensor => ({ ...view, length: N, offset: view.offset + from * view.strides.n });
  const { q, k, v, decay, beta } = inputs;
  return {
    inputs: { q: slice(q), k: slice(k), v: slice(v), decay: slice(decay), beta: slice(beta) },
    out: slice(out),
  };
}
