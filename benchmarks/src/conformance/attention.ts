import { type AttentionInputs, type ForwardOptions, type Tensor, dense, tensor } from "@saccade/core";
import { concatenate, headsView, outputTensor, tokenView } from "./heads.ts";
import { type Operator, type OperatorCall, checkAttributes, numberAttribute, requiredInput } from "./operator.ts";
import { pairTerms } from "./pair-terms.ts";
import type { OnnxTensor } from "./proto.ts";
import { Unsupported } from "./unsupported.ts";

const ATTRIBUTES = [
  "is_causal",
  "kv_num_heads",
  "q_num_heads",
  "qk_matmul_output_mode",
  "scale",
  "softcap",
  "softmax_precision",
];
const INERT = { left_window_size: -1, right_window_size: -1 };

const [FLOAT, HALF, BFLOAT] = [1, 10, 16];

interface Settings {
  readonly scale: number;
  readonly softcap: number;
  readonly causal: boolean;
}

interface Operands extends Settings {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly attnMask: OnnxTensor | undefined;
  /** [B]: position of query 0. */
  readonly queryOffset: readonly number[];
  /** [B] */
  readonly keyLengths: readonly number[];
  readonly options: ForwardOptions;
}

/**
 * ONNX Attention, versions 23 to 25 (without windows). Saccade computes Y from the default runtime in f32, whatever
 * the element type: 16-bit floats are widened and Y is rounded to them. A cache is joined to the new keys here.
 */
export const attention: Operator = async (call) => {
  checkAttributes(call, ATTRIBUTES, INERT);
  const [query, key, value] = [requiredInput(call, 0), requiredInput(call, 1), requiredInput(call, 2)];
  for (const { type } of [query, key, value]) {
    if (!["float", "float16", "bfloat16"].includes(type)) throw new Unsupported(`Attention of ${type}`);
  }
  // f32 is at least as exact as every softmax precision but double.
  const precision = numberAttribute(call, "softmax_precision") ?? FLOAT;
  if (![FLOAT, HALF, BFLOAT].includes(precision)) throw new Unsupported(`Attention softmax_precision ${precision}`);

  const q = headsView(query, numberAttribute(call, "q_num_heads"));
  const newK = headsView(key, numberAttribute(call, "kv_num_heads"));
  const newV = headsView(value, numberAttribute(call, "kv_num_heads"));
  const pastKey = call.inputs[4];
  const presentKey = concatenate(pastKey, newK, key.type);
  const presentValue = concatenate(call.inputs[5], newV, value.type);
  const k = pastKey === undefined ? newK : headsView(presentKey, undefined);
  const v = pastKey === undefined ? newV : headsView(presentValue, undefined);

  const operands: Operands = {
    q,
    k,
    v,
    attnMask: call.inputs[3],
    ...settingsOf(call, q.width),
    ...lengthsOf(call.inputs[6], pastKey?.shape[2] ?? 0, q, k),
    options: { runtime: call.runtime },
  };
  const result = await dense(operands).forward(inputsOf(operands), operands.options);
  call.onRun?.(result);
  const y = [...query.shape.slice(0, -1), query.shape.length === 3 ? q.heads * v.width : v.width];
  return [
    outputTensor(query.type, y, result.out.data as Float32Array),
    call.wanted[1] ? presentKey : undefined,
    call.wanted[2] ? presentValue : undefined,
    call.wanted[3]
      ? outputTensor(query.type, [q.batch, q.heads, q.length, k.length], await matrixOf(call, operands))
      : undefined,
  ];
};

const settingsOf = (call: OperatorCall, width: number): Settings => ({
  scale: numberAttribute(call, "scale") ?? 1 / Math.sqrt(width),
  softcap: numberAttribute(call, "softcap") ?? 0,
  causal: numberAttribute(call, "is_causal") === 1,
});

/**
 * A causal query i sees key j when j <= i + offset: past tokens count, or the valid keys of a cache kept outside
 * (`nonpad_kv_seqlen`) less the queries, else the corner is top left.
 */
const lengthsOf = (
  valid: OnnxTensor | undefined,
  past: number,
  q: Tensor,
  k: Tensor,
): Pick<Operands, "queryOffset" | "keyLengths"> => {
  const keyLengths = valid === undefined ? Array.from({ length: q.batch }, () => k.length) : Array.from(valid.values);
  const queryOffset = keyLengths.map((length) => (valid === undefined ? past : length - q.length));
  return { queryOffset, keyLengths };
};

const inputsOf = ({ q, k, v, attnMask, queryOffset, keyLengths }: Operands): AttentionInputs => {
  const pairs = { batch: q.batch, heads: q.heads, queries: q.length, keys: k.length };
  return { q, k, v, queryOffset, keyLengths, ...pairTerms(attnMask, pairs) };
};

/** The `qk_matmul_output` matrix, [B, H, N, M]. No caller of attention wants it: it is composed here. */
const matrixOf = (call: OperatorCall, operands: Operands): Promise<Float32Array> => {
  const mode = numberAttribute(call, "qk_matmul_output_mode") ?? 0;
  switch (mode) {
    case 0:
      return scores({ ...operands, softcap: 0, causal: false, attnMask: undefined, ...everyKey(operands) });
    case 1:
      return scores({ ...operands, causal: false, attnMask: undefined, ...everyKey(operands) });
    case 2:
      return scores(operands);
    case 3:
      return probabilities(operands);
    default:
      throw new Unsupported(`Attention qk_matmul_output_mode ${mode}`);
  }
};

const everyKey = ({ k, keyLengths }: Operands): Pick<Operands, "keyLengths"> => ({
  keyLengths: keyLengths.map(() => k.length),
});

/** Scores key by key: the log-sum-exp over a single key is its score, -Infinity where it is hidden. */
const scores = async (operands: Operands): Promise<Float32Array> => {
  const { q, k, attnMask, queryOffset, keyLengths, options } = operands;
  const attend = dense(operands);
  const pairs = { batch: q.batch, heads: q.heads, queries: q.length, keys: k.length };
  const matrix = new Float32Array(q.batch * q.heads * q.length * k.length);
  for (let j = 0; j < k.length; j++) {
    const only: AttentionInputs = {
      q,
      k: tokenView(k, j),
      v: tensor(new Float32Array(q.batch * k.heads), { shape: [q.batch, k.heads, 1, 1] }),
      queryOffset: queryOffset.map((offset) => offset - j),
      keyLengths: keyLengths.map((length) => (j < length ? 1 : 0)),
      ...pairTerms(attnMask, pairs, j, 1),
    };
    // One key after the other keeps a single small result alive.
    // oxlint-disable-next-line no-await-in-loop
    const { lse } = await attend.forward(only, { ...options, lse: true });
    for (const [row, score] of lse.entries()) matrix[row * k.length + j] = score;
  }
  return matrix;
};

/** Probabilities: attention whose value of key j is the j-th unit vector. */
const probabilities = async (operands: Operands): Promise<Float32Array> => {
  const { q, k, options } = operands;
  const unit = new Float32Array(q.batch * k.heads * k.length * k.length);
  for (let row = 0; row < q.batch * k.heads * k.length; row++) unit[row * k.length + (row % k.length)] = 1;
  const v = tensor(unit, { shape: [q.batch, k.heads, k.length, k.length] });
  const { out } = await dense(operands).forward({ ...inputsOf({ ...operands, v }) }, options);
  return Float32Array.from(concatenate(undefined, out, "float").values);
};
