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
  readonly isa: number;
  readonly threads?: number;
  readonly seed?: number;
}

/** Arguments of a dense call on pseudo-random numbers in [-1, 1): everything that a runtime would make, in its simplest form. */
export function denseCall(shape: DenseShape): [...CallArguments] {
  const { B = 1, H, G = H, N, M = N, D, E = D, causal = false, parts = 1, isa, threads = 2, seed = 1 } = shape;
  const heads = H / G;
  const positions = Math.max(1, Math.floor(BLOCK_ROWS / heads));
  const blocks = Math.ceil(N / positions);
  const tasks: number[] = [];
  for (let block = 0; block < blocks; block++) {
    const row = block * positions;
    const rows = Math.min(positions, N - row);
    const keys = causal ? Math.max(0, Math.min(M, row + rows + M - N)) : M;
    tasks.push(row, rows, 1, 0, keys, 1, 0, causal ? 3 : 2, 0, -1, -1, 0);
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
          units.push(b, g * heads, heads, g, block, 1, lo, hi, part, parts, slot, joins);
        }
        joins++;
      }
    }
  }
  const numbers = new Float64Array(NUMBERS.count);
  Object.entries({ isa, threads, B, H, G, N, M, D, E, keyRows: M }).forEach(([name, value]) => {
    numbers[NUMBERS[name as "B"]] = value;
  });
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
    new Int32Array(0),
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
