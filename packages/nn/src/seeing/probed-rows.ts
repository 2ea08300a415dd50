import type { Tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";
import { readsMore, type Attending, type MapInputs } from "./attending.ts";
import { cutCall } from "./cut-call.ts";
import { runsOf, type WantedRows, type WeightRow } from "./wanted-rows.ts";

/** Keys that a call tells apart, E of its values. */
const PANEL = 256;
/** Numbers of one call's output, and weights that are collected at a time, at most. */
const NUMBERS = 2 ** 22;

/**
 * Rows of any attention, from its outputs alone. Outputs are linear in values: with the columns of an identity for values, panel of keys by
 * panel, they are the weights. Keys outside the panel have value 0 and keep their share of the denominator. Where a call reads more (a state,
 * values of a branch's own), what comes out at values of 0 is taken off. Costs M / 256 calls, or M / E where a call reads more.
 */
export async function* probedRows<I extends MapInputs>(
  attention: Attending<I>,
  inputs: I,
  wanted: WantedRows,
): AsyncGenerator<WeightRow> {
  const { batch, heads, queries, alone } = wanted;
  const keys = inputs.k.length;
  const most = Math.max(1, Math.floor(NUMBERS / (Math.max(keys, 1) * heads.length)));
  if (alone) {
    for (const [from, to] of runsOf(queries, most)) {
      const run = Array.from({ length: to - from }, (_, i) => from + i);
      // Alone are only rows of what reads attention's inputs.
      const call = cutCall(inputs, batch, from, to) as MapInputs as I;
      yield* probe(attention, call, 0, run, from, wanted);
    }
    return;
  }
  for (let at = 0; at < queries.length; at += most) {
    yield* probe(attention, inputs, batch, queries.slice(at, at + most), 0, wanted);
  }
}

async function* probe<I extends MapInputs>(
  attention: Attending<I>,
  inputs: I,
  b: number,
  queries: readonly number[],
  first: number,
  { heads, place, runtime, threads, signal }: WantedRows,
): AsyncGenerator<WeightRow> {
  const { q, k, v } = inputs;
  const keys = k.length;
  const rows = Math.max(1, q.batch * Math.max(q.heads, v.heads) * q.length);
  // What a call reads beside may have values of its own, as wide as its v.
  const more = readsMore(inputs);
  const width = more ? v.width : Math.max(1, Math.min(PANEL, keys, Math.floor(NUMBERS / rows)));
  const found = new Float32Array(queries.length * heads.length * keys);
  const values = new Float32Array(keys + width - 1);
  const call = (): ReturnType<Attending<I>["forward"]> => {
    // Row j begins at j, so that number e of row j is element j + e: the one 1 is number start + width - 1 - j of it.
    const identity: Tensor = { ...v, data: values, offset: 0, width, layout: "bhnd", strides: { b: 0, h: 0, n: 1 } };
    return attention.forward({ ...inputs, v: identity }, { runtime, threads, signal });
  };
  const rest = more ? (await call()).out : undefined;
  for (let start = 0; start < keys; start += width) {
    values[start + width - 1] = 1;
    const { out } = await call();
    values[start + width - 1] = 0;
    const count = Math.min(width, keys - start);
    for (const [n, query] of queries.entries()) {
      for (const [h, head] of heads.entries()) {
        const row = rowOf(out, b, head, query - first);
        const beside = rest && rowOf(rest, b, head, query - first);
        const to = (n * heads.length + h) * keys + start;
        for (let j = 0; j < count; j++) found[to + j] = row[width - 1 - j]! - (beside?.[width - 1 - j] ?? 0);
      }
    }
  }
  for (const [n, query] of queries.entries()) {
    for (const [h, head] of heads.entries()) {
      const at = (n * heads.length + h) * keys;
      const weights = found.subarray(at, at + keys);
      const into = place?.(query, head);
      into?.set(weights);
      yield { query, head, weights: into ?? weights };
    }
  }
}

function rowOf(out: Tensor, b: number, head: number, n: number): Float32Array {
  const numbers = floatsOf(out);
  const at = out.offset + b * out.strides.b + head * out.strides.h + n * out.strides.n;
  return numbers.subarray(at, at + out.width);
}
