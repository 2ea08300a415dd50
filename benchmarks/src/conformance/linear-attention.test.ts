import { describe, expect, test } from "vitest";
import { difference } from "./compare.ts";
import { linearAttention } from "./linear-attention.ts";
import type { AttributeValue, OnnxTensor } from "./proto.ts";

const [B, T, H, KV, D, E] = [2, 7, 4, 2, 3, 5];

const waves = (shape: readonly number[], phase: number, of: (x: number) => number = (x) => x): OnnxTensor => ({
  type: "float",
  shape,
  values: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) =>
    Math.fround(of(Math.sin(1.7 * i + phase))),
  ),
});

const query = waves([B, T, H * D], 0);
const key = waves([B, T, KV * D], 1);
const value = waves([B, T, KV * E], 2);
const past = waves([B, KV, D, E], 3);
const byHead = waves([B, T, KV], 4, (x) => x - 1);
const byChannel = waves([B, T, KV * D], 5, (x) => x - 1);
const beta = waves([B, T, KV], 6, (x) => (x + 1) / 2);
const oneBeta = waves([B, T, 1], 7, (x) => (x + 1) / 2);

interface Given {
  readonly decay?: OnnxTensor;
  readonly beta?: OnnxTensor;
  readonly past?: OnnxTensor;
  readonly scale?: number;
}

/** The operator's recurrence by explicit loops over the packed tensors. */
const expected = (given: Given, delta: boolean): [OnnxTensor, OnnxTensor] => {
  const y = new Float64Array(B * T * H * E);
  const states = new Float64Array(B * KV * D * E);
  for (let b = 0; b < B; b++) {
    for (let s = 0; s < KV; s++) {
      const at = (b * KV + s) * D * E;
      const S = given.past === undefined ? new Float64Array(D * E) : given.past.values.slice(at, at + D * E);
      for (let t = 0; t < T; t++) {
        const [token, gate] = [b * T + t, given.decay];
        const k = (d: number): number => key.values[token * KV * D + s * D + d]!;
        const w = (d: number): number =>
          gate === undefined
            ? 1
            : Math.exp(gate.values[gate.shape[2] === KV ? token * KV + s : token * KV * D + s * D + d]!);
        for (let i = 0; i < D * E; i++) S[i]! *= w(Math.floor(i / E));
        const by = given.beta;
        const share = !delta ? 1 : by === undefined ? 1 : by.values[by.shape[2] === 1 ? token : token * KV + s]!;
        for (let e = 0; e < E; e++) {
          let recalled = 0;
          for (let d = 0; d < D; d++) recalled += k(d) * S[d * E + e]!;
          const written = share * (value.values[token * KV * E + s * E + e]! - (delta ? recalled : 0));
          for (let d = 0; d < D; d++) S[d * E + e]! += k(d) * written;
        }
        for (let h = (s * H) / KV; h < ((s + 1) * H) / KV; h++) {
          for (let i = 0; i < D * E; i++) {
            const x = query.values[token * H * D + h * D + Math.floor(i / E)]!;
            y[token * H * E + h * E + (i % E)]! += (given.scale ?? 1 / Math.sqrt(D)) * x * S[i]!;
          }
        }
      }
      states.set(S, at);
    }
  }
  return [
    { type: "float", shape: [B, T, H * E], values: y },
    { type: "float", shape: [B, KV, D, E], values: states },
  ];
};

const check = async (rule: string | undefined, given: Given): Promise<void> => {
  const attributes = new Map<string, AttributeValue>([
    ["q_num_heads", H],
    ["kv_num_heads", KV],
    ["chunk_size", 16],
  ]);
  if (rule !== undefined) attributes.set("update_rule", rule);
  if (given.scale !== undefined) attributes.set("scale", given.scale);
  const outputs = await linearAttention({
    operator: "LinearAttention",
    inputs: [query, key, value, given.past, given.decay, given.beta],
    attributes,
    wanted: [true, true],
    runtime: "auto",
  });
  const want = expected(given, rule === undefined || rule.endsWith("delta"));
  for (const [i, output] of outputs.entries()) expect(difference(output!, want[i]!)).toBeUndefined();
};

describe("ONNX LinearAttention on Saccade equals its recurrence written out", () => {
  test("linear", () => check("linear", {}));
  test("linear, from a state, with a scale", () => check("linear", { past, scale: 0.75 }));
  test("gated by head", () => check("gated", { decay: byHead, past }));
  test("gated by channel", () => check("gated", { decay: byChannel }));
  test("delta", () => check("delta", { beta, past, scale: 0.25 }));
  test("gated_delta by head, which is the default", () => check(undefined, { decay: byHead, beta, scale: 0.25 }));
  test("gated_delta by channel, one beta for all heads", () =>
    check("gated_delta", { decay: byChannel, beta: oneBeta, past, scale: 0.25 }));
});

test("ONNX LinearAttention names what is not implemented", async () => {
  const attributes = new Map<string, AttributeValue>([
    ["q_num_heads", H],
    ["kv_num_heads", KV],
    ["update_rule", "other"],
  ]);
  const call = { operator: "LinearAttention", attributes, wanted: [true], runtime: "auto" } as const;
  await expect(linearAttention({ ...call, inputs: [query, key, value] })).rejects.toThrow(
    'LinearAttention update_rule "other"',
  );
});
