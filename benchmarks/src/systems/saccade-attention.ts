import { blockSparse } from "@saccade/block-sparse";
import { dualChunk } from "@saccade/chunked";
import { dense, mask, type Attention, type Mask, type Score } from "@saccade/core";
import { alibiScore, relativeBias, rope } from "@saccade/positions";
import { slidingWindow } from "@saccade/sliding-window";
import { relativeTable } from "../measure/added-score.ts";
import { documentStarts } from "../measure/documents.ts";
import { randomBlocks } from "../measure/random-blocks.ts";
import type { CallShape } from "../measure/shape.ts";

/** The variant of Saccade's that a shape asks for. */
export function attentionOf(shape: CallShape): Attention {
  const { N, D, causal, window, dilation, blocks, density = 1, dualChunk: chunk, softcap } = shape;
  const score = scoreOf(shape);
  if (chunk !== undefined) return dualChunk({ chunk, local: chunk / 8, rotary: rope({ dim: D }), softcap, score });
  if (window !== undefined) return slidingWindow({ window, dilation, softcap, score });
  if (blocks !== undefined) {
    const list = randomBlocks({ rows: Math.ceil(N / blocks), density, causal });
    return blockSparse({ blocks: list, blockSize: blocks, causal, softcap, score });
  }
  return dense({ causal, softcap, score, mask: documentMask(shape) });
}

function scoreOf({ H, score }: CallShape): Score | undefined {
  if (score === undefined) return undefined;
  return score === "alibi" ? alibiScore(H) : relativeBias(relativeTable(H), H);
}

function documentMask({ M, documents }: CallShape): Mask | undefined {
  if (documents === undefined) return undefined;
  // The first token of a document names it.
  const document = documentStarts(M, documents);
  return mask`${document}[q] == ${document}[k]`;
}
