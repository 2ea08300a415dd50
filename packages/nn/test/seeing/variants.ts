import { blockSparse, topKBlocks } from "@saccade/block-sparse";
import { chunkLocal } from "@saccade/chunked";
import { dense, mask, score, type AttentionInputs } from "@saccade/core";
import { alibi, alibiScore } from "@saccade/positions";
import { slidingWindow } from "@saccade/sliding-window";
import type { Attending } from "../../src/index.ts";
import { explicitTopKBlocks, type ExplicitTerms } from "./explicit-weights.ts";

/** A variant for H = 4 heads, and what it does to pairs in plain functions. */
export interface VariantCase {
  readonly name: string;
  readonly attention: Attending;
  readonly terms: (call: AttentionInputs) => ExplicitTerms;
}

const SINKS = [0.5, -1, 2, 0];
const slopes = alibi(4);
const causal = (p: number, j: number): boolean => j <= p;

export const VARIANTS: readonly VariantCase[] = [
  { name: "dense", attention: dense(), terms: () => ({ shows: () => true }) },
  { name: "dense causal", attention: dense({ causal: true }), terms: () => ({ shows: causal }) },
  {
    name: "dense with a scale, a softcap and learned sinks",
    attention: dense({ causal: true, scale: 0.7, softcap: 1.5, learnedSinks: SINKS }),
    terms: () => ({ shows: causal, scale: 0.7, softcap: 1.5, sinks: SINKS }),
  },
  {
    name: "dense with ALiBi",
    attention: dense({ causal: true, score: alibiScore(4) }),
    terms: () => ({ shows: causal, score: (s, p, j, h) => s - slopes[h]! * (p - j) }),
  },
  {
    name: "dense with a mask expression and a score that hides",
    attention: dense({ mask: mask`(q + k) % 3 != 1`, score: score`k % 5 == 0 ? ${-Infinity} : s * 2` }),
    terms: () => ({ shows: (p, j) => (p + j + 300) % 3 !== 1, score: (s, _p, j) => (j % 5 === 0 ? -Infinity : s * 2) }),
  },
  {
    name: "a window with sinks",
    attention: slidingWindow({ window: 7, sinks: 2 }),
    terms: () => ({ shows: (p, j) => j <= p && (p - j < 7 || j < 2) }),
  },
  {
    name: "a dilated window to both sides with learned sinks",
    attention: slidingWindow({ window: 4, dilation: 3, causal: false, learnedSinks: SINKS }),
    terms: () => ({ shows: (p, j) => Math.abs(p - j) < 12 && (p - j) % 3 === 0, sinks: SINKS }),
  },
  {
    name: "a window for every head",
    attention: slidingWindow({ window: 1, perHeadWindow: [1, 3, 8, 40] }),
    terms: () => ({ shows: (p, j, h) => j <= p && p - j < [1, 3, 8, 40][h]! }),
  },
  {
    name: "chunks that begin earlier",
    attention: chunkLocal({ chunk: 9, shift: 4 }),
    terms: () => ({ shows: (p, j) => j <= p && Math.floor((p + 4) / 9) === Math.floor((j + 4) / 9) }),
  },
  {
    name: "blocks by a mask",
    attention: blockSparse({ mask: mask`(floor(q / 8) + floor(k / 8)) % 2 == 0`, causal: true }),
    terms: () => ({ shows: (p, j) => j <= p && (Math.floor(p / 8) + Math.floor(j / 8)) % 2 === 0 }),
  },
  {
    name: "blocks that queries choose",
    attention: topKBlocks({ blockSize: 8, topK: 3 }),
    terms: (call) => ({ shows: explicitTopKBlocks(call, { blockSize: 8, topK: 3 }) }),
  },
];
