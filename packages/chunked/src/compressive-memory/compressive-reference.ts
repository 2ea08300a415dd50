import type { LinearReference, Tensor } from "@saccade/core";
import { floatsOf, joinedTokens, keptTokens, rowAt, type LinearState } from "@saccade/core/variants";
import type { CompressiveCall } from "./compressive-call.ts";

/** One batch element and key head. Row 0 is the first token of the segment that the call begins in; `kept` of them came before the call. */
interface Head {
  readonly b: number;
  readonly g: number;
  readonly length: number;
  readonly kept: number;
  readonly k: Tensor;
  readonly v: Tensor;
  /** [D, E] and [D], as the call finds them. */
  readonly memory: Float64Array;
  readonly normaliser: Float64Array;
}

/** The definition: what a query sees of its segment and of the memory, and segments that join the memory as they end. */
export function compressiveReference(call: CompressiveCall, state: LinearState): LinearReference {
  const { sizes, segment: C } = call;
  const parts = Object.fromEntries(state.parts.map((name) => [name, Float64Array.from(state.part(name))]));
  const out = emptyOut(call);
  for (const head of headsOf(call, state)) {
    const { b, g, kept, length, k, v } = head;
    const { D, E } = { D: sizes.headDim, E: sizes.valueDim };
    const [M, z] = [head.memory, head.normaliser];
    for (let n = 0; n < length; n++) {
      const row = kept + n;
      const first = row - (row % C);
      for (const h of queryHeads(call, g)) {
        const query = rowOf(call.inputs.q, b, h, n);
        put(out, call, b, h, n, inSegment(call, head, query, first, row), recalled(query, M, z, E));
      }
      if (row % C !== C - 1) continue;
      const rows = Array.from({ length: C }, (_, i) => first + i);
      const written = rows.map((i) => {
        const known = call.delta ? recalled(rowOf(k, 0, g, i), M, z, E) : undefined;
        return rowOf(v, 0, g, i).map((x, e) => x - (known?.[e] ?? 0));
      });
      for (const [i, value] of written.entries()) {
        const key = rowOf(k, 0, g, first + i).map(sigma);
        for (let at = 0; at < D * E; at++) M[at]! += key[Math.floor(at / E)]! * value[at % E]!;
        for (let d = 0; d < D; d++) z[d]! += key[d]!;
      }
    }
    const at = b * sizes.kvHeads + g;
    parts["memory"]!.set(M, at * D * E);
    parts["normaliser"]!.set(z, at * D);
    const last = kept + length;
    for (let row = last - (last % C); row < last; row++) {
      parts["keys"]!.set(rowOf(k, 0, g, row), (at * C + (row % C)) * D);
      parts["values"]!.set(rowOf(v, 0, g, row), (at * C + (row % C)) * E);
    }
  }
  return { out, state: parts };
}

/** Over all pairs: a softmax over the query's own segment, and weights by features over those before it. */
export function compressivePairs(call: CompressiveCall, state: LinearState, f32: boolean): Float64Array {
  const { segment: C, sizes } = call;
  const E = sizes.valueDim;
  const round = f32 ? Math.fround : (x: number): number => x;
  const out = emptyOut(call);
  for (const head of headsOf(call, state)) {
    const { b, g, kept, length, k, v, memory, normaliser } = head;
    const written: Float64Array[] = [];
    /** What the segments before row `end` have for x. */
    const behind = (x: Float64Array, end: number): Float64Array => {
      const sums = new Float64Array(E);
      const features = x.map(sigma);
      let total = dot(features, normaliser);
      for (let i = 0; i < memory.length; i++) sums[i % E]! += features[Math.floor(i / E)]! * memory[i]!;
      for (let j = 0; j < end; j++) {
        const weight = round(dot(features, rowOf(k, 0, g, j).map(sigma)));
        total += weight;
        for (let e = 0; e < E; e++) sums[e]! += weight * written[j]![e]!;
      }
      return sums.map((sum) => (total === 0 ? 0 : sum / total));
    };
    for (let row = 0; row < kept + length; row++) {
      const first = row - (row % C);
      const known = call.delta ? behind(rowOf(k, 0, g, row), first) : undefined;
      written.push(rowOf(v, 0, g, row).map((x, e) => x - (known?.[e] ?? 0)));
      if (row < kept) continue;
      for (const h of queryHeads(call, g)) {
        const query = rowOf(call.inputs.q, b, h, row - kept);
        put(out, call, b, h, row - kept, inSegment(call, head, query, first, row), behind(query, first));
      }
    }
  }
  return out;
}

/** Softmax attention to rows first..last. */
function inSegment(
  { scale }: CompressiveCall,
  { g, k, v }: Head,
  query: Float64Array,
  first: number,
  last: number,
): Float64Array {
  const scores = Array.from({ length: last - first + 1 }, (_, i) => scale * dot(query, rowOf(k, 0, g, first + i)));
  const top = Math.max(...scores);
  const sum = scores.reduce((total, s) => total + Math.exp(s - top), 0);
  const out = new Float64Array(v.width);
  for (const [i, s] of scores.entries()) {
    const value = rowOf(v, 0, g, first + i);
    for (let e = 0; e < out.length; e++) out[e]! += (Math.exp(s - top) / sum) * value[e]!;
  }
  return out;
}

/** sigma(x)' M / sigma(x) . z, 0 before anything was written. */
function recalled(x: Float64Array, M: Float64Array, z: Float64Array, E: number): Float64Array {
  const features = x.map(sigma);
  const total = dot(features, z);
  const sums = new Float64Array(E);
  if (total === 0) return sums;
  for (let i = 0; i < M.length; i++) sums[i % E]! += (features[Math.floor(i / E)]! * M[i]!) / total;
  return sums;
}

function headsOf({ sizes, segment, inputs, lengths }: CompressiveCall, state: LinearState): Head[] {
  const { batch, kvHeads, headDim: D, valueDim: E } = sizes;
  const keys = keptTokens(state, "keys", [batch, kvHeads, segment, D]);
  const values = keptTokens(state, "values", [batch, kvHeads, segment, E]);
  return Array.from(lengths, (length, b) => {
    const kept = state.tokens[b]! % segment;
    const k = joinedTokens(keys, b, kept, inputs.k, 0, length);
    const v = joinedTokens(values, b, kept, inputs.v, 0, length);
    return Array.from({ length: kvHeads }, (_, g) => {
      const at = b * kvHeads + g;
      const memory = Float64Array.from(state.part("memory").subarray(at * D * E, (at + 1) * D * E));
      const normaliser = Float64Array.from(state.part("normaliser").subarray(at * D, (at + 1) * D));
      return { b, g, length, kept, k, v, memory, normaliser };
    });
  }).flat();
}

function queryHeads({ sizes }: CompressiveCall, g: number): number[] {
  const group = sizes.heads / sizes.kvHeads;
  return Array.from({ length: group }, (_, i) => g * group + i);
}

function emptyOut({ sizes, tokens }: CompressiveCall): Float64Array {
  return new Float64Array(sizes.batch * sizes.heads * tokens * sizes.valueDim);
}

function put(
  out: Float64Array,
  { sizes, tokens, shares }: CompressiveCall,
  b: number,
  h: number,
  n: number,
  near: Float64Array,
  far: Float64Array,
): void {
  const { heads, valueDim: E } = sizes;
  for (let e = 0; e < E; e++) {
    out[((b * heads + h) * tokens + n) * E + e] = shares[h]! * far[e]! + (1 - shares[h]!) * near[e]!;
  }
}

function rowOf(view: Tensor, b: number, h: number, n: number): Float64Array {
  const at = rowAt(view, b, h, n);
  return Float64Array.from(floatsOf(view).subarray(at, at + view.width));
}

function sigma(x: number): number {
  return x > 0 ? x + 1 : Math.exp(x);
}

function dot(x: Float64Array, y: Float64Array): number {
  return x.reduce((sum, number, d) => sum + number * y[d]!, 0);
}
