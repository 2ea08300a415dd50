import type { AttentionInputs } from "@saccade/core";
import { rowScores, type DefinedPart, type Definition } from "@saccade/core/variants";
import { cutCall } from "./cut-call.ts";
import { Turns } from "./turns.ts";
import { runsOf, type WantedRows, type WeightRow } from "./wanted-rows.ts";

/** Keys whose weights share a maximum until the row's is known. */
const PANEL = 4096;
/** Queries that select together. */
const SELECTING = 1024;

/**
 * Rows of an attention from its scores, in float64:
 *
 * ```text
 *   w_j = e^(s_j - m) / (sum_i e^(s_i - m) + e^(sink - m))        m = max of all s and the sink
 * ```
 *
 * One pass over the keys: a panel's weights are written against its own maximum and scaled when the row's maximum and sum are known.
 */
export async function* definedRows(
  where: string,
  definition: Definition,
  inputs: AttentionInputs,
  wanted: WantedRows,
  isStatic: boolean,
): AsyncGenerator<WeightRow> {
  const { batch, heads, queries, alone, place, runtime, threads, signal } = wanted;
  const turns = new Turns(signal);
  const scratch = new Float32Array(place === undefined ? inputs.k.length : 0);
  const rowsOf = async function* (
    parts: readonly DefinedPart[],
    b: number,
    run: readonly number[],
    first: number,
  ): AsyncGenerator<WeightRow> {
    for (const query of run) {
      for (const head of heads) {
        const weights = place?.(query, head) ?? scratch.fill(0);
        const part = parts.find((each) => holds(each, b, query - first));
        if (part !== undefined) await writeRow(part, b, head, query - first, weights, turns);
        yield { query, head, weights };
      }
    }
  };
  // What selects is asked about the queries in question; what is static has nothing to select.
  if (isStatic || !alone) {
    yield* rowsOf(await definition(where, inputs, { runtime, threads, signal }), batch, queries, 0);
    return;
  }
  for (const [from, to] of runsOf(queries, SELECTING)) {
    const parts = await definition(where, cutCall(inputs, batch, from, to), { runtime, threads, signal });
    const run = Array.from({ length: to - from }, (_, i) => from + i);
    yield* rowsOf(parts, 0, run, from);
  }
}

function holds({ part, shape }: DefinedPart, b: number, i: number): boolean {
  return part.batch <= b && b < part.batchEnd && part.query <= i && i < part.queryEnd && shape.keys > 0;
}

async function writeRow(
  job: DefinedPart,
  b: number,
  head: number,
  i: number,
  weights: Float32Array,
  turns: Turns,
): Promise<void> {
  const { part, shape, scores } = job;
  const row = ((b - part.batch) * shape.heads + head) * shape.queries + (i - part.query);
  const { first, end, scoreOf } = rowScores(job, row);
  const start = Math.max(0, first);
  const stop = Math.max(start, end);
  const maxima = new Float64Array(Math.ceil((stop - start) / PANEL));
  const panel = new Float64Array(Math.min(PANEL, stop - start));
  const sink = scores.learnedSinks?.[head] ?? -Infinity;
  let [max, sum] = [sink, sink === -Infinity ? 0 : 1];
  for (let p = 0; p < maxima.length; p++) {
    const from = start + p * PANEL;
    const count = Math.min(PANEL, stop - from);
    let top = -Infinity;
    for (let j = 0; j < count; j++) {
      const s = scoreOf(from + j) ?? -Infinity;
      panel[j] = s;
      if (s > top) top = s;
    }
    maxima[p] = top;
    if (top !== -Infinity) {
      let own = 0;
      for (let j = 0; j < count; j++) {
        const weight = Math.exp(panel[j]! - top);
        own += weight;
        weights[part.key + from + j] = weight;
      }
      const next = Math.max(max, top);
      sum = sum * Math.exp(max - next) + own * Math.exp(top - next);
      max = next;
    }
    await turns.take();
  }
  for (let p = 0; p < maxima.length; p++) {
    if (maxima[p] === -Infinity) continue;
    const from = part.key + start + p * PANEL;
    const to = Math.min(from + PANEL, part.key + stop);
    const factor = Math.exp(maxima[p]! - max) / sum;
    for (let j = from; j < to; j++) weights[j]! *= factor;
  }
}
