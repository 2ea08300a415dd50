import {
  biasTensor,
  dense,
  maskTensor,
  tensor,
  type Attention,
  type AttentionInputs,
  type DenseOptions,
  type Tensor,
} from "../src/index.ts";
import type { SoftmaxVariant } from "../src/job.ts";
import { bandSchedule } from "../src/schedule/band-schedule.ts";
import { softmaxAttention } from "../src/softmax-attention.ts";
import { RandomNumbers } from "./random-numbers.ts";

/** One attention call as plain numbers, contiguous [B, H, N, D], and as the tensors that the public interface takes. */
export interface AttentionCase {
  readonly name: string;
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly queries: number;
  readonly keys: number;
  readonly headDim: number;
  readonly valueDim: number;
  readonly options: DenseOptions;
  /** W: a query at p sees key j when abs(p - j) < W. Infinity for none. */
  readonly window: number;
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly inputs: AttentionInputs;
}

/** (N, M) of the matrix: single tokens, lengths that no tile divides, more keys than queries and the other way round. */
export const LENGTHS: readonly (readonly [queries: number, keys: number])[] = [
  [1, 1],
  [3, 3],
  [64, 32],
  [64, 128],
  [239, 1],
  [799, 3],
  [113, 203],
  [108, 256],
  [1023, 1024],
  [1024, 1023],
  [1, 512],
  [5, 2500],
  [16, 3000],
];

/** MHA, GQA and MQA; large calls take the first few. */
const HEADS = [
  [1, 1],
  [2, 2],
  [4, 2],
  [3, 3],
  [6, 2],
  [4, 1],
  [8, 1],
] as const;
const WIDTHS = [1, 5, 8, 16, 32, 59, 64, 64, 80, 96, 111, 128];

/** A random case of these lengths; the same seed gives the same case. */
export function randomCase(queries: number, keys: number, seed: number): AttentionCase {
  const random = new RandomNumbers(seed * 7919 + queries * 31 + keys);
  const many = queries * keys > 100_000;
  // The accuracy rule compares two largest errors: of a handful of numbers they say nothing.
  const few = queries <= 16 && keys > 100;
  const [heads, kvHeads] = random.pick(many ? HEADS.slice(0, 3) : few ? HEADS.slice(4) : HEADS);
  const batch = many ? 1 : few ? 3 : random.pick([1, 1, 2, 3]);
  const headDim = random.pick(WIDTHS);
  const widths = few ? WIDTHS.filter((width) => width >= 32) : WIDTHS;
  const valueDim = widths.includes(headDim) && random.uniform() < 0.7 ? headDim : random.pick(widths);
  const causal = random.uniform() < 0.5;
  const window = random.uniform() < 0.3 ? random.integer(1, keys) : Infinity;
  const softcap = random.uniform() < 0.25 ? 15 : 0;
  const scale = random.uniform() < 0.2 ? random.pick([0.05, 1, -0.3]) : undefined;
  const learnedSinks = random.uniform() < 0.3 ? random.normal(heads) : undefined;

  // Scores of up to some 20 in size, as trained models have them.
  const q = random.normal(batch * heads * queries * headDim, random.pick([0.5, 1, 4]));
  const k = random.normal(batch * kvHeads * keys * headDim);
  const v = random.normal(batch * kvHeads * keys * valueDim);

  const ragged = random.uniform() < 0.3;
  const keyLengths = ragged
    ? Array.from({ length: batch }, () => (random.uniform() < 0.3 ? 0 : random.integer(0, keys)))
    : undefined;
  const offset = random.uniform();
  const queryOffset =
    offset < 0.6
      ? undefined
      : offset < 0.8
        ? random.integer(-Math.ceil(queries / 2), keys)
        : Array.from({ length: batch }, () => random.integer(-Math.ceil(queries / 2), keys));
  const pairs = (): [number, number, number, number] => [
    random.pick([1, batch]),
    random.pick([1, heads]),
    random.pick([1, queries]),
    keys,
  ];
  const bias = random.uniform() < 0.25 ? randomBias(random, pairs()) : undefined;
  const mask = random.uniform() < 0.25 ? randomMask(random, pairs()) : undefined;
  const view = (data: Float32Array, h: number, n: number, width: number): Tensor =>
    asTensor(data, [batch, h, n, width], random.pick(["bhnd", "bnhd", "padded"]));

  const traits = [
    `B${batch} H${heads} G${kvHeads} N${queries} M${keys} D${headDim} E${valueDim}`,
    causal ? "causal" : "",
    window === Infinity ? "" : `window ${window}`,
    softcap ? "softcap" : "",
    learnedSinks ? "sinks" : "",
    bias ? `bias[${bias.shape.join()}]` : "",
    mask ? `mask[${mask.shape.join()}]` : "",
    keyLengths ? `lengths[${keyLengths.join()}]` : "",
    queryOffset === undefined ? "" : `offset[${queryOffset}]`,
  ];
  return {
    name: traits.filter((trait) => trait !== "").join(" "),
    ...{ batch, heads, kvHeads, queries, keys, headDim, valueDim, q, k, v },
    options: { causal, softcap, scale, learnedSinks },
    window,
    inputs: {
      q: view(q, heads, queries, headDim),
      k: view(k, kvHeads, keys, headDim),
      v: view(v, kvHeads, keys, valueDim),
      ...{ bias, mask, keyLengths, queryOffset },
    },
  };
}

/** The variant of a case, for what takes one: `dense`, or the schedules of bands where there is a window. */
export function variantOf({ options, window }: AttentionCase): SoftmaxVariant {
  const { causal, scale, softcap, learnedSinks } = options;
  const reach = { ahead: causal ? 0 : window - 1, back: window - 1 };
  return {
    name: "band",
    selection: "static",
    visibility: { reach, mask: undefined },
    scale,
    softcap: softcap ?? 0,
    learnedSinks: learnedSinks && Float32Array.from(learnedSinks),
    schedule: (shape, at, pairTerms) => bandSchedule(shape, at, reach, pairTerms),
  };
}

export function attentionOf(given: AttentionCase): Attention {
  return given.window === Infinity ? dense(given.options) : softmaxAttention(variantOf(given));
}

function randomBias(random: RandomNumbers, shape: [number, number, number, number]) {
  const data = random.normal(shape.reduce((product, size) => product * size, 1));
  for (let i = 0; i < data.length; i++) if (random.uniform() < 0.1) data[i] = -Infinity;
  return biasTensor(data, { shape });
}

function randomMask(random: RandomNumbers, shape: [number, number, number, number]) {
  const density = random.pick([0, 0.1, 0.3, 0.7, 1]);
  const data = Uint8Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () =>
    random.uniform() < density ? random.pick([1, 255]) : 0,
  );
  return maskTensor(data, { shape });
}

/** Contiguous [B, H, N, D] numbers as a tensor that lies in memory in one of three ways. */
export function asTensor(
  data: Float32Array,
  [batch, heads, length, width]: readonly [number, number, number, number],
  how: "bhnd" | "bnhd" | "padded",
): Tensor {
  if (how === "bhnd") return tensor(data, { shape: [batch, heads, length, width] });
  const token = how === "bnhd" ? width : width + 3;
  const offset = how === "bnhd" ? 0 : 5;
  const strides = { b: length * heads * token, h: token, n: heads * token };
  // Between padded rows lies NaN: nothing may read it.
  const spread = new Float32Array(offset + batch * strides.b).fill(NaN);
  for (let row = 0; row < batch * heads * length; row++) {
    const n = row % length;
    const h = Math.floor(row / length) % heads;
    const b = Math.floor(row / length / heads);
    const at = offset + b * strides.b + h * strides.h + n * strides.n;
    spread.set(data.subarray(row * width, (row + 1) * width), at);
  }
  return tensor(spread, { shape: [batch, length, heads, width], layout: "bnhd", offset, strides });
}

/** A tensor's numbers as contiguous [B, H, N, D]. */
export function flattened(view: Tensor): Float32Array {
  const { batch, heads, length, width, offset, strides } = view;
  const data = view.data instanceof Float32Array ? view.data : view.data.floats();
  const flat = new Float32Array(batch * heads * length * width);
  for (let row = 0; row < batch * heads * length; row++) {
    const n = row % length;
    const h = Math.floor(row / length) % heads;
    const b = Math.floor(row / length / heads);
    const at = offset + b * strides.b + h * strides.h + n * strides.n;
    flat.set(data.subarray(at, at + width), row * width);
  }
  return flat;
}
