import type { Candidate } from "@saccade/advisor";
import { tensor, type Tensor } from "@saccade/core";
import { drawBlocks } from "./draw-blocks.ts";

/** What the queries of a variant look at. */
export interface VariantPicture {
  readonly svg: string;
  readonly caption: string;
}

/** Tokens of a picture, and those that a square of it stands for. */
export const PICTURE_TOKENS = 4096;
const BLOCK = 64;
const BLOCKS = PICTURE_TOKENS / BLOCK;
const WIDTH = 64;

/**
 * Draws which keys the queries of a variant look at, found out by running it: values say which block of keys they are from, so that an output says
 * how much came from each. Queries and keys are made from a seed; neighbours are alike, as tokens of a text are.
 */
export async function pictureOf(candidate: Candidate): Promise<VariantPicture> {
  const out = new Float32Array(PICTURE_TOKENS * BLOCKS);
  const tokens = { q: neighbours(3), k: neighbours(5), v: blockIndicators() };
  await candidate.forward(tokens, { out: tensor(out, { shape: [1, 1, PICTURE_TOKENS, BLOCKS] }) });
  // Where rows are a softmax over some of the keys, any weight at all means that a key is seen.
  const seen = candidate.softmax !== undefined;
  const weights = blockWeights(out, seen ? (weight) => (weight > 0 ? 1 : 0) : Math.abs);
  const shades = seen ? weights : relativeToRow(weights);
  const what = seen ? "Keys that are seen." : "Weights of keys in outputs.";
  const content = candidate.selection === "static" ? "" : " Which ones depends on content, here made from a seed.";
  return {
    svg: drawBlocks(
      shades,
      BLOCKS,
      `What queries of ${candidate.id} look at, ${PICTURE_TOKENS} tokens: ${spread(shades)}.`,
    ),
    caption: `${what}${content}`,
  };
}

/** [1, 1, N, D]: each number is mostly the one before. */
function neighbours(seed: number): Tensor {
  let state = seed;
  const uniform = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32 - 0.5;
  const data = new Float32Array(PICTURE_TOKENS * WIDTH);
  for (let d = 0; d < WIDTH; d++) {
    for (let n = 0, x = 0; n < PICTURE_TOKENS; n++) {
      x = 0.97 * x + uniform();
      data[n * WIDTH + d] = x;
    }
  }
  return tensor(data, { shape: [1, 1, PICTURE_TOKENS, WIDTH] });
}

/** [1, 1, N, blocks]: 1 where the token is of the block. */
function blockIndicators(): Tensor {
  const data = new Float32Array(PICTURE_TOKENS * BLOCKS);
  for (let n = 0; n < PICTURE_TOKENS; n++) data[n * BLOCKS + Math.floor(n / BLOCK)] = 1;
  return tensor(data, { shape: [1, 1, PICTURE_TOKENS, BLOCKS] });
}

/** The mean over the queries of each block, [blocks of queries, blocks of keys]. */
function blockWeights(out: Float32Array, of: (weight: number) => number): Float64Array {
  const weights = new Float64Array(BLOCKS * BLOCKS);
  for (let n = 0; n < PICTURE_TOKENS; n++) {
    const row = Math.floor(n / BLOCK) * BLOCKS;
    for (let j = 0; j < BLOCKS; j++) weights[row + j]! += of(out[n * BLOCKS + j] ?? 0) / BLOCK;
  }
  return weights;
}

/** Shares of the greatest of a row, by their square root: what decays stays in sight for longer. */
function relativeToRow(weights: Float64Array): Float64Array {
  return weights.map((weight, at) => {
    const row = Math.floor(at / BLOCKS) * BLOCKS;
    const most = weights.subarray(row, row + BLOCKS).reduce((max, each) => Math.max(max, each), 0);
    return most > 0 ? Math.sqrt(weight / most) : 0;
  });
}

function spread(shades: Float64Array): string {
  const shown = shades.reduce((count, shade) => count + (shade > 0.02 ? 1 : 0), 0);
  return `${Math.round((100 * shown) / (BLOCKS * (BLOCKS + 1))) * 2}% of the squares on and below the diagonal`;
}
