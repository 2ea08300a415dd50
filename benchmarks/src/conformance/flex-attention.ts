import { type AttentionInputs, dense, type ForwardOptions, type Score, score } from "@saccade/core";
import { compileElementwise, type GraphPlace } from "./elementwise-graph.ts";
import { headsView, outputTensor } from "./heads.ts";
import {
  checkAttributes,
  graphAttribute,
  numberAttribute,
  type Operator,
  type OperatorCall,
  requiredInput,
} from "./operator.ts";
import { Unsupported } from "./unsupported.ts";

const ATTRIBUTES = ["prob_mod", "scale", "score_mod", "softmax_precision"];
const [FLOAT, HALF, DOUBLE, BFLOAT] = [1, 10, 11, 16];

/**
 * ONNX FlexAttention (ai.onnx.preview, version 1): Y = prob_mod(softmax(score_mod(scale Q K'))) V, in f32 whatever the element type. Its graphs
 * become score expressions.
 *
 * `prob_mod` f comes after the softmax, where attention has no place for a function. It needs none:
 *
 * ```text
 *   L   = lse of attention with the scores s = score_mod(scale q . k)                    [B, H, N]
 *   p   = exp(s - L[b, h, q])                                                            the weight of a pair
 *   s'  = log(f(p)),  a score whose exponentials are f's weights
 *   out', lse' = attention with the scores s'         out' = sum f(p) v / sum f(p),  exp(lse') = sum f(p)
 *   Y   = exp(lse') out' = sum f(p) v
 * ```
 *
 * L is a lookup in the expression. Where f is negative, s' = log(max(f, 0)) takes the positive part and log(max(-f, 0)) the negative one, and Y
 * is the first less the second; a part that is nowhere there has lse' = -Infinity and adds 0.
 */
export const flexAttention: Operator = async (call) => {
  checkAttributes(call, ATTRIBUTES, {});
  const [query, key, value] = [requiredInput(call, 0), requiredInput(call, 1), requiredInput(call, 2)];
  for (const { type } of [query, key, value]) {
    if (!["float", "double", "float16", "bfloat16"].includes(type)) throw new Unsupported(`FlexAttention of ${type}`);
  }
  const precision = numberAttribute(call, "softmax_precision") ?? FLOAT;
  if (![FLOAT, HALF, DOUBLE, BFLOAT].includes(precision)) {
    throw new Unsupported(`FlexAttention softmax_precision ${precision}`);
  }
  const [q, k, v] = [headsView(query, undefined), headsView(key, undefined), headsView(value, undefined)];
  const pairs = { batch: q.batch, heads: q.heads, queries: q.length, keys: k.length };
  const place = (name: string): GraphPlace => ({ name, pairs, outer: call.outer ?? new Map() });
  const scoreMod = graphAttribute(call, "score_mod");
  const probMod = graphAttribute(call, "prob_mod");
  const scale = numberAttribute(call, "scale");
  const raw = score`s`;
  const scores = scoreMod === undefined ? raw : compileElementwise(scoreMod, raw, place("score_mod"));
  // Positions are then indices, which the expressions look numbers up by.
  const inputs: AttentionInputs = { q, k, v, queryOffset: 0 };
  const attend = weightedSum(call, inputs, scale);
  const shape = [q.batch, q.heads, q.length, v.width];
  if (probMod === undefined) {
    const { out } = await attend(scores);
    return [outputTensor(query.type, shape, out)];
  }
  const { lse } = await attend(scores);
  const probabilities = score`exp(${scores} - ${finite(lse)}[(b * ${q.heads} + h) * ${q.length} + q])`;
  const modified = compileElementwise(probMod, probabilities, place("prob_mod"));
  const [more, less] = [await attend(score`log(max(${modified}, 0))`), await attend(score`log(max(-${modified}, 0))`)];
  const sums = more.out.map((weighted, i) => {
    const row = Math.floor(i / v.width);
    return weighted * Math.exp(more.lse[row]!) - less.out[i]! * Math.exp(less.lse[row]!);
  });
  return [outputTensor(query.type, shape, sums)];
};

/** Attention by score; `out` is contiguous. */
const weightedSum =
  (call: OperatorCall, inputs: AttentionInputs, scale: number | undefined) =>
  async (by: Score): Promise<{ readonly out: Float32Array; readonly lse: Float32Array }> => {
    const options = { runtime: call.runtime, lse: true } satisfies ForwardOptions;
    const result = await dense({ scale, score: by }).forward(inputs, options);
    call.onRun?.(result);
    return { out: result.out.data as Float32Array, lse: result.lse };
  };

/** A row without a visible key has no weights: any number in place of -Infinity leaves exp(-Infinity - L) = 0. */
const finite = (lse: Float32Array): Float32Array => lse.map((value) => (value === -Infinity ? 0 : value));
