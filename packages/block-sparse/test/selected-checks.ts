import type { AttentionInputs, DecoderOptions, Runtime, SelectedAttention, SelectedPart, Tensor } from "@saccade/core";
import { expect } from "vitest";
import { difference } from "./call-inputs.ts";
import { explicitAttention, type Shows } from "./explicit-attention.ts";

/** Whether a query, by index, selected a key. */
export function selects(parts: readonly SelectedPart[], b: number, h: number, i: number, key: number): boolean {
  const part = parts.find((each) => b >= each.batch && b < each.batchEnd && i >= each.query && i < each.queryEnd)!;
  if (key < part.key || key >= part.keyEnd) return false;
  const { blockSize, queryBlock, listOf } = part.blocks;
  const { starts, keyBlocks } = listOf(b - part.batch, h);
  const list = Math.floor((i - part.query) / queryBlock);
  return keyBlocks.subarray(starts[list], starts[list + 1]).includes(Math.floor((key - part.key) / blockSize));
}

/** What `forward`, `reference` and the counts of a call say is what explicit loops over the selected pairs give. */
export async function expectSelected<I extends AttentionInputs>(
  attend: SelectedAttention<I>,
  call: I,
  { causal, runtime }: { readonly causal: boolean; readonly runtime: Runtime },
): Promise<readonly SelectedPart[]> {
  const selection = await attend.select(call, { runtime });
  const shows: Shows = (p, j, h, b) => (!causal || j <= p) && selects(selection, b, h, p - offsetOf(call, b), j);
  const want = explicitAttention(call, shows);
  for (const got of [
    await attend.forward(call, { runtime, lse: true }),
    attend.forwardSync(call, { runtime, lse: true }),
  ]) {
    expect(difference(got.out.data as Float32Array, want.out)).toBeLessThan(1e-5);
    expect(difference(got.lse, want.lse)).toBeLessThan(1e-5);
    expect(got.selected.visiblePairs).toBe(want.pairs);
    expect(got.selected.visitedPairs).toBeGreaterThanOrEqual(want.pairs);
  }
  const exact = attend.reference(call, { selection });
  expect(difference(exact.out, want.out)).toBeLessThan(1e-12);
  expect(difference(exact.lse, want.lse)).toBeLessThan(1e-12);
  return selection;
}

/** Position of query 0. */
export function offsetOf({ q, k, queryOffset, keyLengths }: AttentionInputs, b: number): number {
  return typeof queryOffset === "number" ? queryOffset : (queryOffset?.[b] ?? (keyLengths?.[b] ?? k.length) - q.length);
}

/** Tokens [from, to) of everything that has tokens. */
export function tokensOf<I extends AttentionInputs>(call: I, from: number, to: number): I {
  const cut = (view: Tensor): Tensor => ({ ...view, offset: view.offset + from * view.strides.n, length: to - from });
  return Object.fromEntries(Object.entries(call).map(([name, view]) => [name, cut(view as Tensor)])) as unknown as I;
}

/** Tokens appended in pieces give the rows of one call, by the selection that the one call makes, after detours that are taken back. */
export async function expectSelectedDecodes<I extends AttentionInputs>(
  attend: SelectedAttention<I>,
  all: I,
  ends: readonly number[],
  options: Pick<DecoderOptions, "runtime" | "dtype"> & { readonly runtime: Runtime },
): Promise<void> {
  const { q, k, v } = all;
  const selection = await attend.select(all, { runtime: options.runtime });
  const want = attend.reference(all, { selection });
  const sizes = { batch: q.batch, heads: q.heads, kvHeads: k.heads, headDim: q.width, valueDim: v.width };
  await using decoder = attend.decoder({ ...sizes, capacity: q.length + 9, ...options });
  let from = 0;
  for (const to of [...ends.map((end) => end % (q.length + 1)), q.length].sort((a, b) => a - b)) {
    const part = tokensOf(all, from, to);
    const detour = tokensOf(all, 0, Math.min(9, q.length));
    decoder.appendSync(detour);
    decoder.rewind(detour.q.length);
    const { out, lse } =
      to % 2 === 0 ? await decoder.append(part, { lse: true }) : decoder.appendSync(part, { lse: true });
    const rows = (data: Float64Array, width: number): number[] =>
      Array.from({ length: q.batch * q.heads }, (_, h) => [
        ...data.subarray((h * q.length + from) * width, (h * q.length + to) * width),
      ]).flat();
    expect(difference(out.data as Float32Array, rows(want.out, v.width))).toBeLessThan(1e-5);
    expect(difference(lse, rows(want.lse, 1))).toBeLessThan(1e-5);
    from = to;
  }
  expect(decoder.length).toBe(q.length);
}

/** Rows of queries do not change when all keys and values after them become NaN. */
export async function expectBlindToFuture<I extends AttentionInputs>(
  attend: SelectedAttention<I>,
  call: I,
  at: number,
  runtime: Runtime,
): Promise<void> {
  const poisoned = (view: Tensor): Tensor => {
    const data = (view.data as Float32Array).slice();
    for (let row = 0; row < data.length / view.width; row++) {
      if (row % view.length > at) data.fill(Number.NaN, row * view.width, (row + 1) * view.width);
    }
    return { ...view, data };
  };
  const clean = await attend.forward(call, { runtime, lse: true });
  const keys = Object.entries(call).filter(([name]) => name === "k" || name === "v" || name === "indexKeys");
  const poison = Object.fromEntries(keys.map(([name, view]) => [name, poisoned(view as Tensor)]));
  const dirty = await attend.forward({ ...call, ...poison }, { runtime, lse: true });
  const { heads, length } = call.q;
  for (let head = 0; head < call.q.batch * heads; head++) {
    const [from, to] = [head * length, head * length + at + 1];
    const width = clean.out.width;
    const rows = (data: Tensor["data"]): Float32Array => (data as Float32Array).subarray(from * width, to * width);
    expect(difference(rows(dirty.out.data), rows(clean.out.data))).toBe(0);
    expect(difference(dirty.lse.subarray(from, to), clean.lse.subarray(from, to))).toBe(0);
  }
}
