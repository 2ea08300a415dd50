import type { LinearLayer, RunOptions } from "../layers/linear-layer.ts";
import type { MultiHeadAttention } from "../layers/multi-head-attention.ts";
import { rmsNorm } from "../layers/rms-norm.ts";
import type { Sequence } from "../layers/sequence.ts";

/** What a block does beside attention. Shared by blocks that differ in their attention only. */
export interface BlockParameters {
  readonly inputNorm: Float32Array;
  readonly middleNorm: Float32Array;
  readonly gate: LinearLayer;
  readonly up: LinearLayer;
  readonly down: LinearLayer;
  readonly epsilon: number;
}

/** A layer of a transformer: x + attention(norm(x)), then x + W3 (silu(W1 norm(x)) * W2 norm(x)). */
export interface Block {
  readonly attention: MultiHeadAttention;
  readonly parameters: BlockParameters;
}

/** Runs one block over `x`, which it changes. `attend` is the block's attention, or a decoder of it. */
export async function runBlock(
  { parameters }: Block,
  x: Sequence,
  attend: (normed: Sequence) => Promise<Sequence>,
  options: RunOptions,
): Promise<void> {
  const { inputNorm, middleNorm, gate, up, down, epsilon } = parameters;
  add(x, await attend(normed(x, inputNorm, epsilon)));
  const middle = normed(x, middleNorm, epsilon);
  const gates = await gate.apply("Transformer", "gate_proj", middle, options);
  const values = await up.apply("Transformer", "up_proj", middle, options);
  silu(gates.data, values.data);
  add(x, await down.apply("Transformer", "down_proj", gates, options));
}

export function normed(x: Sequence, weight: Float32Array, epsilon: number): Sequence {
  const data = new Float32Array(x.data.length);
  rmsNorm(x.data, weight, epsilon, data);
  return { ...x, data };
}

function add({ data }: Sequence, { data: more }: Sequence): void {
  for (let i = 0; i < data.length; i++) data[i]! += more[i]!;
}

/** gates <- gates / (1 + e^-gates) * values */
function silu(gates: Float32Array, values: Float32Array): void {
  for (let i = 0; i < gates.length; i++) gates[i] = (gates[i]! / (1 + Math.exp(-gates[i]!))) * values[i]!;
}
