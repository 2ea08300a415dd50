import { tensor, type Gate, type LinearInputs, type LinearTokens, type Tensor } from "@saccade/core";
import { normal } from "./normal.ts";

export interface Sizes {
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly valueHeads: number;
  readonly tokens: number;
  readonly headDim: number;
  readonly valueDim: number;
}

/** Single tokens, grouped heads, more value heads than key heads and than query heads, odd widths, D and E that differ. */
export const SIZES: readonly Sizes[] = [
  { batch: 1, heads: 1, kvHeads: 1, valueHeads: 1, tokens: 1, headDim: 8, valueDim: 8 },
  { batch: 2, heads: 4, kvHeads: 2, valueHeads: 2, tokens: 37, headDim: 16, valueDim: 8 },
  { batch: 1, heads: 2, kvHeads: 1, valueHeads: 4, tokens: 21, headDim: 6, valueDim: 11 },
  { batch: 1, heads: 4, kvHeads: 2, valueHeads: 4, tokens: 16, headDim: 5, valueDim: 3 },
  { batch: 1, heads: 1, kvHeads: 1, valueHeads: 1, tokens: 130, headDim: 8, valueDim: 8 },
  { batch: 1, heads: 2, kvHeads: 1, valueHeads: 1, tokens: 19, headDim: 59, valueDim: 5 },
  { batch: 1, heads: 1, kvHeads: 1, valueHeads: 1, tokens: 9, headDim: 111, valueDim: 64 },
];

/** How a gate's numbers come about. */
export interface GateSpec {
  readonly width: (sizes: Sizes) => number;
  readonly heads?: (sizes: Sizes) => number;
  readonly of: (uniform: number, row: number) => number;
  /** Rows are divided by their length. */
  readonly unit?: boolean;
}

/** None, hardly any, strong, and what models have. */
export function logGate(x: number): number {
  if (x < 0.15) return 0;
  if (x < 0.3) return -1e-6;
  if (x < 0.35) return -50;
  return -x * x;
}

export const scalarDecay: GateSpec = { width: () => 1, of: logGate };
export const channelDecay: GateSpec = { width: ({ headDim }) => headDim, of: logGate };
export const beta: GateSpec = { width: () => 1, of: (x) => x };
export const unitChannels: GateSpec = { width: ({ headDim }) => headDim, of: (x) => x - 0.5, unit: true };

export function uniform(length: number, seed: number): Float64Array {
  let state = (seed * 2654435761) >>> 0;
  return Float64Array.from({ length }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  });
}

export interface InputOptions {
  readonly seed?: number;
  readonly layout?: "bhnd" | "bnhd";
  readonly unitKeys?: boolean;
  readonly lengths?: readonly number[] | undefined;
}

/** Random tokens with gates. What lies behind `lengths` is NaN. */
export function inputsOf<G extends Gate>(
  sizes: Sizes,
  gates: Readonly<Record<G, GateSpec>>,
  { seed = 1, layout = "bhnd", unitKeys = false, lengths }: InputOptions = {},
): LinearInputs<G> {
  const { batch, heads, kvHeads, valueHeads, tokens, headDim, valueDim } = sizes;
  const view = (numbers: Float32Array, count: number, width: number, unit: boolean): Tensor => {
    if (unit) for (let at = 0; at < numbers.length; at += width) toLengthOne(numbers.subarray(at, at + width));
    for (let row = 0; row < batch * count * tokens; row++) {
      const b = Math.floor(row / tokens / count);
      if (row % tokens >= (lengths?.[b] ?? tokens)) numbers.fill(NaN, row * width, (row + 1) * width);
    }
    return placed(numbers, [batch, count, tokens, width], layout);
  };
  const more = (Object.entries(gates) as [G, GateSpec][]).map(([name, gate], index) => {
    const count = gate.heads?.(sizes) ?? valueHeads;
    const width = gate.width(sizes);
    const numbers = Float32Array.from(uniform(batch * count * tokens * width, 100 * seed + index), (x, i) =>
      gate.of(x, Math.floor(i / width)),
    );
    return [name, view(numbers, count, width, gate.unit === true)] as const;
  });
  return {
    q: view(normal(batch * heads * tokens * headDim, 10 * seed + 1), heads, headDim, false),
    k: view(normal(batch * kvHeads * tokens * headDim, 10 * seed + 2), kvHeads, headDim, unitKeys),
    v: view(normal(batch * valueHeads * tokens * valueDim, 10 * seed + 3), valueHeads, valueDim, false),
    ...Object.fromEntries(more),
    lengths,
  } as unknown as LinearInputs<G>;
}

function toLengthOne(row: Float32Array): void {
  const length = Math.hypot(...row);
  for (let d = 0; d < row.length; d++) row[d]! /= length;
}

/** Contiguous [B, heads, N, width] numbers in a layout. */
function placed(
  numbers: Float32Array,
  [batch, heads, length, width]: readonly [number, number, number, number],
  layout: "bhnd" | "bnhd",
): Tensor {
  if (layout === "bhnd") return tensor(numbers, { shape: [batch, heads, length, width] });
  const view = tensor(new Float32Array(numbers.length), { shape: [batch, length, heads, width], layout });
  for (let row = 0; row < batch * heads * length; row++) {
    const [n, h, b] = [row % length, Math.floor(row / length) % heads, Math.floor(row / length / heads)];
    const at = b * view.strides.b + h * view.strides.h + n * view.strides.n;
    (view.data as Float32Array).set(numbers.subarray(row * width, (row + 1) * width), at);
  }
  return view;
}

/** A tensor's numbers as contiguous [B, heads, N, width]. */
export function flattened(view: Tensor): Float32Array {
  const { batch, heads, length, width, offset, strides } = view;
  const flat = new Float32Array(batch * heads * length * width);
  for (let row = 0; row < batch * heads * length; row++) {
    const [n, h, b] = [row % length, Math.floor(row / length) % heads, Math.floor(row / length / heads)];
    const at = offset + b * strides.b + h * strides.h + n * strides.n;
    flat.set((view.data as Float32Array).subarray(at, at + width), row * width);
  }
  return flat;
}

/** Tokens [from, to) of a call. */
export function tokensOf<G extends Gate>(inputs: LinearInputs<G>, from: number, to: number): LinearTokens<G> {
  const cut = Object.entries(inputs as unknown as Record<string, Tensor>)
    .filter(([, view]) => view?.strides !== undefined)
    .map(([name, view]) => [name, { ...view, offset: view.offset + from * view.strides.n, length: to - from }]);
  return Object.fromEntries(cut) as LinearTokens<G>;
}

/** Rows [from, to) of contiguous [B, heads, length, width]. */
export function rowsOf(
  all: ArrayLike<number>,
  [from, to]: readonly [number, number],
  length: number,
  width: number,
): number[] {
  const heads = all.length / (length * width);
  return Array.from({ length: heads * (to - from) * width }, (_, i) => {
    const [head, rest] = [Math.floor(i / ((to - from) * width)), i % ((to - from) * width)];
    return all[(head * length + from) * width + rest]!;
  });
}

/** The largest difference, as a share of the largest expected number or 1. */
export function difference(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let [most, size] = [got.length === want.length ? 0 : Infinity, 1];
  for (let i = 0; i < want.length; i++) {
    size = Math.max(size, Math.abs(want[i]!));
    if (got[i] === want[i]) continue;
    const off = Math.abs(got[i]! - want[i]!);
    most = Number.isNaN(off) ? Infinity : Math.max(most, off);
  }
  return most / size;
}
