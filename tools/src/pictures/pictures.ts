import {
  aShape,
  bigBird,
  blockSparse,
  cumulative,
  document,
  fixed,
  indexTopK,
  longformer,
  nativeSparse,
  oracleBlocks,
  pageSelect,
  perHead,
  strided,
  topKBlocks,
  verticalSlash,
} from "@saccade/block-sparse";
import { mask, tensor, type Attention, type AttentionInputs, type Tensor } from "@saccade/core";
import { drawPairs, pairsOf, type Drawn } from "./draw-pairs.ts";

/** A picture in docs/block-sparse: its file and what is in it. */
export interface Picture {
  readonly file: string;
  draw(): string;
}

/** Tokens of a picture. */
const N = 64;
const D = 8;

/** Numbers of about unit variance from a seed, [1, heads, N, width]; neighbours are alike, as tokens of a text are. */
function tokens(heads: number, width: number, seed: number): Tensor {
  let state = seed;
  const uniform = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32 - 0.5;
  const data = new Float32Array(heads * N * width);
  for (let head = 0; head < heads; head++) {
    for (let d = 0; d < width; d++) {
      for (let n = 0, x = 0; n < N; n++) {
        x = 0.8 * x + 2 * uniform();
        data[(head * N + n) * width + d] = x;
      }
    }
  }
  return tensor(data, { shape: [1, heads, N, width] });
}

const content = (heads: number) => ({ q: tokens(heads, D, 3), k: tokens(heads, D, 5) });

function fixedPicture(name: string, attend: Attention, heads = 1, head = 0): Picture {
  const file = heads === 1 ? `${name}.svg` : `${name}-${head}.svg`;
  return { file, draw: () => drawPairs(name, pairsOf(attend, content(heads), head)) };
}

function selectedPicture<I extends AttentionInputs>(
  name: string,
  attend: Drawn<I>,
  inputs: Omit<I, "v"> & Pick<AttentionInputs, "q" | "k">,
): Picture {
  return { file: `${name}.svg`, draw: () => drawPairs(name, pairsOf(attend, inputs, 0)) };
}

const checkered = Array.from({ length: 8 }, (_, row) => [0, 1, 2, 3, 4, 5, 6, 7].filter((j) => (row * j) % 3 === 0));
const blocks = {
  starts: Int32Array.from({ length: 9 }, (_, row) => checkered.slice(0, row).flat().length),
  keyBlocks: Int32Array.from(checkered.flat()),
};
const heads = [
  mask`k <= q`,
  aShape({ sinks: 4, recent: 12 }),
  verticalSlash({ verticals: [0, 9, 30], slashes: [0, 1, 2, 20] }),
];

/** The pictures of docs/block-sparse. */
export const PICTURES: readonly Picture[] = [
  fixedPicture("block-sparse", blockSparse({ blocks, blockSize: 8, causal: true })),
  fixedPicture("big-bird", bigBird({ blockSize: 4, window: 3, global: 2, random: 2, seed: 1, length: N })),
  fixedPicture("longformer", longformer({ window: 5, global: [0, 1, 30] })),
  fixedPicture("strided", strided({ stride: 8 })),
  fixedPicture("fixed", fixed({ stride: 8, summary: 2 })),
  fixedPicture("a-shape", aShape({ sinks: 4, recent: 12 })),
  fixedPicture("vertical-slash", verticalSlash({ verticals: [0, 1, 17, 18, 40], slashes: [0, 1, 2, 12, 13, 35] })),
  fixedPicture("document", document([20, 7, 30, 7])),
  ...[0, 1, 2].map((head) => fixedPicture("per-head", perHead(heads), 3, head)),
  selectedPicture("top-k-blocks", topKBlocks({ blockSize: 4, topK: 4 }), content(1)),
  selectedPicture("page-select", pageSelect({ pageSize: 4, budget: 16 }), content(1)),
  // Compressed keys stand for all that came before: their branch is left out.
  selectedPicture(
    "native-sparse",
    nativeSparse({ compression: { length: 4, stride: 2 }, blockSize: 4, selected: 5, window: 12 }),
    {
      ...content(1),
      gates: tensor(
        Float32Array.from({ length: 3 * N }, (_, i) => Math.min(1, i % 3)),
        { shape: [1, 1, N, 3] },
      ),
    },
  ),
  selectedPicture("cumulative", cumulative({ tau: 0.6, queryBlock: 4, blockSize: 4, similarity: -1 }), content(1)),
  selectedPicture("oracle-blocks", oracleBlocks({ blockSize: 4, topK: 4 }), content(1)),
  selectedPicture("index-top-k", indexTopK({ topK: 12, indexHeads: 2, indexDim: D }), {
    ...content(1),
    indexQueries: tokens(2, D, 7),
    indexKeys: tokens(1, D, 9),
    indexWeights: tokens(2, 1, 11),
  }),
];
