import { attention } from "./attention.ts";
import { flexAttention } from "./flex-attention.ts";
import { linearAttention } from "./linear-attention.ts";
import type { Operator } from "./operator.ts";
import { rotaryEmbedding } from "./rotary-embedding.ts";

/** Operators of ONNX that the runner has, by name; those of other domains as `domain:name`. */
export const operators: ReadonlyMap<string, Operator> = new Map([
  ["Attention", attention],
  ["LinearAttention", linearAttention],
  ["RotaryEmbedding", rotaryEmbedding],
  ["ai.onnx.preview:FlexAttention", flexAttention],
]);
