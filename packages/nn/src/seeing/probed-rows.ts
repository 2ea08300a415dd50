import type { Tensor } from "@saccade/core";
import type { Attending, MapInputs } from "./attending.ts";
import { cutCall } from "./cut-call.ts";
import { runsOf, type WantedRows, type WeightRow } from "./wanted-rows.ts";

/** Keys that a call tells apart, E of its values. */
const PANEL = 256;
/** Numbers of one call's output, and weights that are collected at a time, at most. */
const NUMBERS = 2 ** 22;

/**
 * Rows of any attention, from its outputs alone. Outputs are linear in values: with the columns of an identity for values, panel of keys by
 * panel, they are the weights. Keys outside the panel have value 0 and keep their share of the denominator. Costs M / 256 calls.
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
  const width = Math.max(1, Math.min(PANEL, keys, Math.floor(NUMBERS / rows)));
  const found = new Float32Array(queries.length * heads.length * keys);
  const values = new Float32Array(keys + width - 1);
  for (let start = 0; start < keys; start += width) {
    // Row j begins at j, so that number e of row j is element j + e: the one 1 is number start + width - 1 - j of it.
    values[start + width - 1] = 1;
    const identity: Tensor = { ...v, data: values, offset: 0, width, layout: "bhnd", strides: { b: 0, h: 0, n: 1 } };
    const { out } = await attention.forward({ ...inputs, v: identity }, { runtime, threads, signal });
    values[start + width - 1] = 0;
    const numbers = out.data instanceof Float32Array ? out.data : out.data.floats();
    const count = Math.min(width, keys - start);
    queries.forEach((query, n) => {
      heads.forEach((head, h) => {
        const from = out.offset + b * out.strides.b + head * out.strides.h + (query - first) * out.strides.n;
        const to = (n * heads.length + h) * keys + start;
        for (let j = 0; j < count; j++) found[to + j] = numbers[from + width - 1 - j]!;
      });
    });
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
