// A decoder-only transformer in float64, by loops over its published formulas. It shares no code with the library but the widening
// of stored numbers; angles are Hugging Face's, computed anew.
import { widen, type TensorNumbers } from "../../src/index.ts";
import type { GeneratedConfig } from "./generated-model.ts";

type Row = Float64Array;

/** Which keys a query sees. Default: all up to itself. */
export type Sees = (query: number, key: number) => boolean;

/**
 * Logits of every token, [N][vocabulary].
 *
 * @param length what dynamic NTK scales for.
 */
export function float64Forward(
  config: GeneratedConfig,
  state: Readonly<Record<string, TensorNumbers>>,
  tokens: readonly number[],
  { length = tokens.length, sees = (query, key) => key <= query }: { length?: number; sees?: Sees } = {},
): Row[] {
  const numbers = (name: string): Float32Array => widen(state[name]!.type, state[name]!.data);
  const layer = (name: string, x: Row): Row => {
    const [weights, outputs] = [numbers(`${name}.weight`), state[`${name}.weight`]!.shape[0]!];
    const bias = `${name}.bias` in state ? numbers(`${name}.bias`) : undefined;
    return Float64Array.from({ length: outputs }, (_, o) => {
      let sum = bias?.[o] ?? 0;
      for (let i = 0; i < x.length; i++) sum += x[i]! * weights[o * x.length + i]!;
      return sum;
    });
  };
  const norm = (name: string, x: Row): Row => {
    const weight = numbers(name);
    const mean = x.reduce((sum, value) => sum + value * value, 0) / x.length;
    return x.map((value, i) => (value / Math.sqrt(mean + config.rms_norm_eps)) * weight[i]!);
  };
  const { hidden_size: width, head_dim: D, num_attention_heads: H, num_key_value_heads: G } = config;
  const embeddings = numbers("model.embed_tokens.weight");
  const { theta, factor } = angles(config, length);
  const turned = (x: Row, position: number): Row =>
    x.map((value, d) => {
      const pair = d % (D / 2);
      const other = d < D / 2 ? -x[d + D / 2]! : x[d - D / 2]!;
      const angle = position * theta[pair]!;
      return factor * (value * Math.cos(angle) + other * Math.sin(angle));
    });
  const heads = (rows: Row, count: number): Row[] =>
    Array.from({ length: count }, (_, h) => rows.slice(h * D, (h + 1) * D));
  let x = tokens.map((token) => Float64Array.from(embeddings.subarray(token * width, (token + 1) * width)));
  for (let l = 0; l < config.num_hidden_layers; l++) {
    const at = `model.layers.${l}.`;
    const normed = x.map((row) => norm(`${at}input_layernorm.weight`, row));
    const part = (name: string, count: number): Row[][] =>
      normed.map((row, position) =>
        heads(layer(`${at}self_attn.${name}_proj`, row), count).map((head) => {
          if (name === "v") return head;
          const weight = `${at}self_attn.${name}_norm.weight`;
          return turned(weight in state ? norm(weight, head) : head, position);
        }),
      );
    const [q, k, v] = [part("q", H), part("k", G), part("v", G)];
    const attended = tokens.map((_, i) => {
      const row = new Float64Array(H * D);
      for (let h = 0; h < H; h++) {
        const g = Math.floor(h / (H / G));
        const seen = tokens.map((_key, j) => j).filter((j) => sees(i, j));
        const scores = seen.map(
          (j) => q[i]![h]!.reduce((sum, value, d) => sum + value * k[j]![g]![d]!, 0) / Math.sqrt(D),
        );
        const most = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - most));
        const sum = weights.reduce((total, weight) => total + weight, 0);
        for (const [s, j] of seen.entries()) {
          for (let d = 0; d < D; d++) row[h * D + d]! += (weights[s]! / sum) * v[j]![g]![d]!;
        }
      }
      return row;
    });
    x = x.map((row, i) => {
      const mixed = layer(`${at}self_attn.o_proj`, attended[i]!);
      return row.map((value, d) => value + mixed[d]!);
    });
    x = x.map((row) => {
      const middle = norm(`${at}post_attention_layernorm.weight`, row);
      const [gate, up] = [layer(`${at}mlp.gate_proj`, middle), layer(`${at}mlp.up_proj`, middle)];
      const down = layer(
        `${at}mlp.down_proj`,
        gate.map((value, i) => (value / (1 + Math.exp(-value))) * up[i]!),
      );
      return row.map((value, d) => value + down[d]!);
    });
  }
  const head = config.tie_word_embeddings ? "model.embed_tokens" : "lm_head";
  return x.map((row) => layer(head, norm("model.norm.weight", row)));
}

/** Radians a position of every pair, and what cos and sin are multiplied by. */
function angles(config: GeneratedConfig, length: number): { theta: Row; factor: number } {
  const { head_dim: D, rope_theta: base, rope_scaling: scaling } = config;
  const plain = (of: number): Row => Float64Array.from({ length: D / 2 }, (_, i) => 1 / of ** ((2 * i) / D));
  if (scaling === null) return { theta: plain(base), factor: 1 };
  const { factor: s } = scaling as { factor: number };
  const original =
    (scaling["original_max_position_embeddings"] as number | undefined) ?? config.max_position_embeddings;
  switch (scaling["rope_type"] ?? scaling["type"]) {
    case "linear":
      return { theta: plain(base).map((theta) => theta / s), factor: 1 };
    case "dynamic": {
      const over = (s * Math.max(length, original)) / original - (s - 1);
      return { theta: plain(base * over ** (D / (D - 2))), factor: 1 };
    }
    case "llama3": {
      const { low_freq_factor: low, high_freq_factor: high } = scaling as Record<string, number>;
      const theta = plain(base).map((each) => {
        const turns = (original * each) / (2 * Math.PI);
        if (turns > high!) return each;
        if (turns < low!) return each / s;
        const smooth = (turns - low!) / (high! - low!);
        return smooth * each + ((1 - smooth) * each) / s;
      });
      return { theta, factor: 1 };
    }
    case "yarn": {
      const pairOf = (turns: number): number => (D * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(base));
      const low = Math.max(0, Math.floor(pairOf(32)));
      const high = Math.min(D - 1, Math.ceil(pairOf(1)));
      const theta = plain(base).map((each, i) => {
        const ramp = Math.min(1, Math.max(0, (i - low) / (high === low ? 0.001 : high - low)));
        return (each / s) * ramp + each * (1 - ramp);
      });
      return { theta, factor: 0.1 * Math.log(s) + 1 };
    }
    default:
      throw new Error(`no such scaling: ${JSON.stringify(scaling)}`);
  }
}
