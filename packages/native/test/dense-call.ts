import { NUMBERS, type CallArguments } from "../src/addon.ts";

/** Rows (positions x stacked heads) that a unit may hold. */
const BLOCK_ROWS = 192;

const UNLIMITED = 0x7fff_ffff;

export interface DenseShape {
  readonly B?: number;
  readonly H: number;
  readonly G?: number;
  readonly N: number;
  readonly M?: number;
  readonly D: number;
  readonly E?: number;
  readonly causal?: boolean;
  /** Parts that every unit is split into over its keys. Default 1. */
  readonly parts?: number;
  /** Whether units gather their rows: odd ones by steps, even ones by a list. Not with parts. Default false. */
  readonly gathered?: boolean;
  readonly isa: number;
  readonly threads?: number;
  readonly seed?: number;
}

/** Arguments of a dense call on pseudo-random numbers in [-1, 1): everything that a runtime would make, in its simplest form. */
export function denseCall(shape: DenseShape): [...CallArguments] {
  const { B = 1, H, G = H, N, M = N, D, E = D, causal = false, parts = 1, gathered = false } = shape;
  const { isa, threads = 2, seed = 1 } = shape;
  const heads = H / G;
  const positions = Math.max(1, Math.floor(BLOCK_ROWS / heads));
  const blocks = Math.ceil(N / positions);
  const tasks: number[] = [];
  const indices: number[] = [];
  for (let block = 0; block < blocks; block++) {
    const row = block * positions;
    const rows = Math.min(positions, N - row);
    const keys = causal ? Math.max(0, Math.min(M, row + rows + M - N)) : M;
    const flags = causal ? 3 : 2;
    if (!gathered) {
      tasks.push(row, rows, 1, 0, keys, 1, 0, flags, 0, -1, -1, 0);
      continue;
    }
    const even = Array.from({ length: Math.ceil(rows / 2) }, (_, i) => row + 2 * i);
    tasks.push(row, rows, 1, 0, 0, 1, 0, 0, 0, -1, -1, 0);
    tasks.push(row, even.length, 1, 0, keys, 1, 0, flags, 0, indices.length, -1, 0);
    if (rows > 1) tasks.push(row + 1, rows - even.length, 2, 0, keys, 1, 0, flags, 0, -1, -1, 0);
    indices.push(...even);
  }
  const units: number[] = [];
  let joins = 0;
  for (let b = 0; b < B; b++) {
    for (let g = 0; g < G; g++) {
      for (let block = blocks - 1; block >= 0; block--) {
        for (let part = 0; part < parts; part++) {
          const lo = Math.floor((M * part) / parts);
          const hi = Math.floor((M * (part + 1)) / parts);
          const slot = parts > 1 ? joins * parts + part : 0;
          const first = gathered ? 3 * block : block;
          const count = gathered ? Math.min(3, tasks.length / 12 - first) : 1;
          units.push(b, g * heads, heads, g, first, count, lo, hi, part, parts, slot, joins);
        }
        joins++;
      }
    }
  }
  const numbers = new Float64Array(NUMBERS.count);
  Object.entries({ isa, threads, B, H, G, N, M, D, E, keyRows: M }).forEach(([name, value]) => {
    numbers[NUMBERS[name as "B"]] = value;
  });
  numbers[NUMBERS.gathered] = gathered ? 1 : 0;
  numbers[NUMBERS.scale] = 1 / Math.sqrt(D);
  numbers.set([0, H * N * D, N * D, D], NUMBERS.q);
  numbers.set([0, G * M * D, M * D, D], NUMBERS.k);
  numbers.set([0, G * M * E, M * E, E], NUMBERS.v);
  numbers.set([0, H * N * E, N * E, E], NUMBERS.out);
  numbers.set([0, H * N, N, 0], NUMBERS.lse);
  return [
    numbers,
    Int32Array.from(units),
    Int32Array.from(tasks),
    new Int32Array(B).fill(M - N),
    new Int32Array(B).fill(M),
    Int32Array.from(indices),
    Int32Array.of(causal ? 0 : UNLIMITED, UNLIMITED, 0, 0, 0),
    new Int32Array(0),
    random(B * H * N * D, seed),
    random(B * G * M * D, seed + 1),
    random(B * G * M * E, seed + 2),
    new Float32Array(B * H * N * E).fill(NaN),
    new Float32Array(B * H * N).fill(NaN),
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ];
}

/** The places of a call's arrays. */
export const INDICES = 5;
export const REACHES = 6;
export const PROGRAMS = 7;
export const Q = 8;
export const K = 9;
export const V = 10;
export const OUT = 11;
export const LSE = 12;
export const BIAS = 13;
export const MASK = 14;
export const SINKS = 15;

export function random(length: number, seed: number): Float32Array<ArrayBuffer> {
  let state = Math.imul(seed, 2654435761) >>> 0;
  const array = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    array[i] = state / 2 ** 31 - 1;
  }
  return array;
}

/** Attention in float64 by explicit loops, for contiguous calls as `denseCall` makes them. */
export function expectedOut(shape: DenseShape, call: CallArguments): Float64Array {
  const { B = 1, H, G = H, N, M = N, D, E = D, causal = false } = shape;
  const [q, k, v] = [call[Q], call[K], call[V]];
  const out = new Float64Array(B * H * N * E);
  for (let row = 0; row < B * H * N; row++) {
    const i = row % N;
    const head = Math.floor(row / N);
    const kvHead = Math.floor(head / H) * G + Math.floor(((head % H) * G) / H);
    const keys = causal ? Math.max(0, Math.min(M, i + M - N + 1)) : M;
    const scores = new Float64Array(keys);
    for (let j = 0; j < keys; j++) {
      for (let d = 0; d < D; d++) scores[j]! += q[row * D + d]! * k[(kvHead * M + j) * D + d]!;
      scores[j]! /= Math.sqrt(D);
    }
    const top = Math.max(...scores);
    let sum = 0;
    for (let j = 0; j < keys; j++) sum += scores[j] = Math.exp(scores[j]! - top);
    for (let j = 0; j < keys; j++) {
      for (let e = 0; e < E; e++) out[row * E + e]! += (scores[j]! / sum) * v[(kvHead * M + j) * E + e]!;
    }
  }
  return out;
}
