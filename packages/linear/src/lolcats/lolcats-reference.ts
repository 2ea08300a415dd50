import type { LinearReference, Tensor } from "@saccade/core";
import {
  finished,
  numbersOf,
  rowAt,
  Scratch,
  type LinearState,
  type Rows,
  joinedTokens,
  keptTokens,
} from "@saccade/core/variants";
import type { LolcatsCall } from "./lolcats-variant.ts";

/** One batch element in float64. Key row `kept` + i is that of query i; rows before it are the window that the state kept. */
interface Element {
  readonly b: number;
  readonly length: number;
  readonly kept: number;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly queryFeatures: Rows;
  readonly keyFeatures: Rows;
}

/** The definition, token by token: a key joins the memory when the window has left it behind. */
export function lolcatsReference(call: LolcatsCall, state: LinearState): LinearReference {
  const { sizes, window: W } = call;
  const { batch, kvHeads, heads, headDim, valueDim: E } = sizes;
  const F = call.map.features(headDim);
  const memory = Float64Array.from(state.part("memory"));
  const keys = Float64Array.from(state.part("keys"));
  const values = Float64Array.from(state.part("values"));
  const out = new Float64Array(batch * heads * call.tokens * E);
  for (const element of elementsOf(call, state)) {
    const { b, length, kept, k, v, queryFeatures, keyFeatures } = element;
    for (let g = 0; g < kvHeads; g++) {
      const S = memory.subarray((b * kvHeads + g) * F * (E + 1), (b * kvHeads + g + 1) * F * (E + 1));
      for (let n = 0; n < length; n++) {
        const left = n + kept - W;
        if (left >= 0) {
          const [feature, value] = [rowOf(keyFeatures, g, left), rowOf(v, g, left)];
          for (let f = 0; f < F; f++) {
            for (let e = 0; e <= E; e++) S[f * (E + 1) + e]! += feature[f]! * (e === E ? 1 : value[e]!);
          }
        }
        for (let h = (g * heads) / kvHeads; h < ((g + 1) * heads) / kvHeads; h++) {
          const sums = windowSums(call, element, h, g, n);
          const query = rowOf(queryFeatures, h, n);
          for (let i = 0; i < S.length; i++) sums[i % (E + 1)]! += query[Math.floor(i / (E + 1))]! * S[i]!;
          put(out, call, b, h, n, sums);
        }
      }
      const count = Math.min(kept + length, W);
      for (let row = 0; row < count; row++) {
        const from = kept + length - count + row;
        keys.set(rowOf(k, g, from), ((b * kvHeads + g) * W + row) * headDim);
        values.set(rowOf(v, g, from), ((b * kvHeads + g) * W + row) * E);
      }
    }
  }
  return { out, state: { memory, keys, values } };
}

/** Over all pairs: softmax weights inside the window, products of features before it. */
export function lolcatsPairs(call: LolcatsCall, state: LinearState, f32: boolean): Float64Array {
  const { sizes, window: W } = call;
  const { batch, kvHeads, heads, headDim, valueDim: E } = sizes;
  const round = f32 ? Math.fround : (x: number): number => x;
  const F = call.map.features(headDim);
  const memory = state.part("memory");
  const out = new Float64Array(batch * heads * call.tokens * E);
  for (const element of elementsOf(call, state)) {
    const { b, length, kept, v, queryFeatures, keyFeatures } = element;
    for (let h = 0; h < heads; h++) {
      const g = Math.floor(h / (heads / kvHeads));
      for (let n = 0; n < length; n++) {
        const sums = windowSums(call, element, h, g, n);
        const query = rowOf(queryFeatures, h, n);
        for (let j = 0; j <= n + kept - W; j++) {
          const weight = round(dot(query, rowOf(keyFeatures, g, j)));
          const value = rowOf(v, g, j);
          for (let e = 0; e <= E; e++) sums[e]! += weight * (e === E ? 1 : value[e]!);
        }
        for (let i = 0; i < F * (E + 1); i++) {
          sums[i % (E + 1)]! += query[Math.floor(i / (E + 1))]! * memory[(b * kvHeads + g) * F * (E + 1) + i]!;
        }
        put(out, call, b, h, n, sums);
      }
    }
  }
  return out;
}

/** Weighted values of a query's window and, last, the sum of weights. */
function windowSums(
  { window, scale, factors, stabilised, inputs }: LolcatsCall,
  { b, kept, k, v }: Element,
  h: number,
  g: number,
  n: number,
): Float64Array {
  const E = v.width;
  const at = rowAt(inputs.q, b, h, n);
  const query = Float64Array.from(numbersOf(inputs.q).subarray(at, at + inputs.q.width));
  const first = Math.max(0, n + kept - window + 1);
  const scores = Array.from({ length: n + kept - first + 1 }, (_, j) => scale * dot(query, rowOf(k, g, first + j)));
  const top = stabilised ? Math.max(...scores) : 0;
  const sums = new Float64Array(E + 1);
  for (const [j, s] of scores.entries()) {
    const weight = factors[h]! * Math.exp(s - top);
    const value = rowOf(v, g, first + j);
    for (let e = 0; e <= E; e++) sums[e]! += weight * (e === E ? 1 : value[e]!);
  }
  return sums;
}

function elementsOf({ sizes, window, map, inputs, lengths }: LolcatsCall, state: LinearState): Element[] {
  const { batch, kvHeads, headDim, valueDim } = sizes;
  const keys = keptTokens(state, "keys", [batch, kvHeads, window, headDim]);
  const values = keptTokens(state, "values", [batch, kvHeads, window, valueDim]);
  const scratch = new Scratch(true);
  return Array.from(lengths, (length, b) => {
    const kept = Math.min(state.tokens[b]!, window);
    const k = joinedTokens(keys, b, kept, inputs.k, 0, length);
    const v = joinedTokens(values, b, kept, inputs.v, 0, length);
    const q: Tensor = { ...inputs.q, offset: inputs.q.offset + b * inputs.q.strides.b, batch: 1, length };
    const before = state.tokens[b]!;
    const common = { scratch, maximum: undefined };
    const featuresOf = (x: Tensor, role: "query" | "key", start: number): Rows =>
      finished(map.map({ ...common, x, role, before: Int32Array.of(start), lengths: Int32Array.of(x.length) })).rows;
    const keyFeatures = featuresOf(k, "key", before - kept);
    return { b, length, kept, k, v, keyFeatures, queryFeatures: featuresOf(q, "query", before) };
  });
}

function put(
  out: Float64Array,
  { sizes, tokens }: LolcatsCall,
  b: number,
  h: number,
  n: number,
  sums: Float64Array,
): void {
  const { heads, valueDim: E } = sizes;
  for (let e = 0; e < E; e++) out[((b * heads + h) * tokens + n) * E + e] = sums[E] === 0 ? 0 : sums[e]! / sums[E]!;
}

function rowOf(rows: Rows, h: number, n: number): Float64Array {
  const at = rowAt(rows, 0, h, n);
  return Float64Array.from(numbersOf(rows).subarray(at, at + rows.width));
}

function dot(x: Float64Array, y: Float64Array): number {
  return x.reduce((sum, number, d) => sum + number * y[d]!, 0);
}
