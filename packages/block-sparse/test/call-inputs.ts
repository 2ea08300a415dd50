import {
  tensor,
  type Attention,
  type AttentionInputs,
  type DecoderOptions,
  type Runtime,
  type Tensor,
} from "@saccade/core";
import fc from "fast-check";
import { expect } from "vitest";
import { explicitAttention, type Shows } from "./explicit-attention.ts";
import { normal } from "./normal.ts";

export const numRuns: number = process.env["SACCADE_EXHAUSTIVE"] ? 200 : 40;

export interface Sizes {
  readonly batch?: number;
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly queries: number;
  readonly keys?: number;
  readonly headDim?: number;
  readonly valueDim?: number;
  readonly seed?: number;
}

/** 4 query heads on 2 key heads, D = 16 and E = 8 where nothing else is said. */
export function inputs(sizes: Sizes): { q: Tensor; k: Tensor; v: Tensor } {
  const { batch = 1, heads = 4, kvHeads = 2, queries, keys = queries, headDim = 16, valueDim = 8, seed = 1 } = sizes;
  const view = (count: number, length: number, width: number, salt: number): Tensor =>
    tensor(normal(batch * count * length * width, 10 * seed + salt), { shape: [batch, count, length, width] });
  return {
    q: view(heads, queries, headDim, 1),
    k: view(kvHeads, keys, headDim, 2),
    v: view(kvHeads, keys, valueDim, 3),
  };
}

/** Calls of two batch elements: grouped heads, D and E that differ or are odd, any positions, any key lengths. */
export const calls: fc.Arbitrary<AttentionInputs> = fc
  .record({
    queries: fc.integer({ min: 1, max: 150 }),
    keys: fc.integer({ min: 1, max: 170 }),
    width: fc.constantFrom(
      { heads: 4, kvHeads: 2, headDim: 16, valueDim: 8 },
      { heads: 4, kvHeads: 1, headDim: 6, valueDim: 11 },
      { heads: 4, kvHeads: 4, headDim: 8, valueDim: 8 },
    ),
    queryOffset: fc.option(fc.array(fc.integer({ min: -30, max: 60 }), { minLength: 2, maxLength: 2 }), {
      nil: undefined,
    }),
    short: fc.option(fc.array(fc.nat({ max: 170 }), { minLength: 2, maxLength: 2 }), { nil: undefined }),
  })
  .map(({ queries, keys, width, queryOffset, short }) => ({
    ...inputs({ batch: 2, queries, keys, ...width, seed: queries + keys }),
    queryOffset,
    keyLengths: short?.map((length) => Math.min(length, keys)),
  }));

function tokens({ q, k, v }: AttentionInputs, from: number, to: number): { q: Tensor; k: Tensor; v: Tensor } {
  const cut = (view: Tensor): Tensor => ({ ...view, offset: view.offset + from * view.strides.n, length: to - from });
  return { q: cut(q), k: cut(k), v: cut(v) };
}

/** Rows [from, to) of every head of contiguous [1, H, length, width]. */
function rowsOf(all: Float64Array, [from, to]: readonly [number, number], length: number, width: number): number[] {
  const heads = all.length / (length * width);
  return Array.from({ length: heads }, (_, h) => [
    ...all.subarray((h * length + from) * width, (h * length + to) * width),
  ]).flat();
}

/** The largest difference between f32 results and float64 ones; equal infinities do not differ. */
export function difference(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let most = got.length === want.length ? 0 : Infinity;
  for (let i = 0; i < want.length; i++) {
    if (got[i] === want[i]) continue;
    const off = Math.abs(got[i]! - want[i]!);
    most = Number.isNaN(off) ? Infinity : Math.max(most, off);
  }
  return most;
}

/** What forward, reference and plan give is what explicit loops over the definition give. */
export async function expectDefined(
  attend: Attention,
  call: AttentionInputs,
  shows: Shows,
  runtime: Runtime,
): Promise<void> {
  const want = explicitAttention(call, shows);
  const { out, lse } = await attend.forward(call, { runtime, lse: true });
  expect(difference(out.data as Float32Array, want.out)).toBeLessThan(1e-5);
  expect(difference(lse, want.lse)).toBeLessThan(1e-5);
  const exact = attend.reference(call);
  expect(difference(exact.out, want.out)).toBeLessThan(1e-12);
  expect(difference(exact.lse, want.lse)).toBeLessThan(1e-12);
  // What a tensor hides, a plan does not know.
  if (call.mask !== undefined) return;
  const { q, k, v, queryOffset, keyLengths } = call;
  const sizes = { batch: q.batch, heads: q.heads, kvHeads: k.heads, queries: q.length, keys: k.length };
  const plan = attend.plan({ ...sizes, headDim: q.width, valueDim: v.width, queryOffset, keyLengths });
  expect(plan.visiblePairs).toBe(want.pairs);
  expect(plan.visitedPairs).toBeGreaterThanOrEqual(want.pairs);
}

/** Appends tokens in pieces that end at `ends`, alternating between both ways, and compares the rows with those of one call in float64. */
export async function expectDecodes(
  attend: Attention,
  all: AttentionInputs,
  ends: readonly number[],
  options: Pick<DecoderOptions, "runtime" | "capacity" | "rewindable">,
): Promise<void> {
  const { q, k, v } = all;
  const want = attend.reference(all);
  const sizes = { batch: q.batch, heads: q.heads, kvHeads: k.heads, headDim: q.width, valueDim: v.width };
  await using decoder = attend.decoder({ ...sizes, ...options });
  let from = 0;
  for (const to of [...ends.map((end) => end % (q.length + 1)), q.length].sort((a, b) => a - b)) {
    const part = tokens(all, from, to);
    const { out, lse } =
      to % 2 === 0 ? await decoder.append(part, { lse: true }) : decoder.appendSync(part, { lse: true });
    expect(difference(out.data as Float32Array, rowsOf(want.out, [from, to], q.length, v.width))).toBeLessThan(1e-5);
    expect(difference(lse, rowsOf(want.lse, [from, to], q.length, 1))).toBeLessThan(1e-5);
    from = to;
  }
  expect(decoder.length).toBe(q.length);
}

/** Keys that no query of a head sees may hold anything. */
export async function expectDeafTo(
  attend: Attention,
  call: AttentionInputs,
  hidden: (key: number) => boolean,
  runtime: Runtime,
): Promise<void> {
  const poisoned = (view: Tensor, poison: number): Tensor => {
    const data = (view.data as Float32Array).slice();
    for (let row = 0; row < data.length / view.width; row++) {
      if (hidden(row % view.length)) data.fill(poison, row * view.width, (row + 1) * view.width);
    }
    return { ...view, data };
  };
  const clean = await attend.forward(call, { runtime, lse: true });
  const { out, lse } = await attend.forward(
    { ...call, k: poisoned(call.k, Number.NaN), v: poisoned(call.v, Infinity) },
    { runtime, lse: true },
  );
  expect(difference(out.data as Float32Array, clean.out.data as Float32Array)).toBe(0);
  expect(difference(lse, clean.lse)).toBe(0);
}

/** The same bits at one thread and two. */
export async function expectSameBits(
  attend: Pick<Attention, "forward">,
  call: AttentionInputs,
  runtime: Runtime,
): Promise<void> {
  const [one, two] = [
    await attend.forward(call, { runtime, threads: 1, lse: true }),
    await attend.forward(call, { runtime, threads: 2, lse: true }),
  ];
  const bytes = (data: ArrayBufferView): Buffer => Buffer.from(data.buffer);
  expect(bytes(one.out.data as Float32Array).equals(bytes(two.out.data as Float32Array))).toBe(true);
  expect(bytes(one.lse).equals(bytes(two.lse))).toBe(true);
}
