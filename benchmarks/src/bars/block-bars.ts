import { blockSparse } from "@saccade/block-sparse";
import { dense } from "@saccade/core";
import { shapeOf, SPARSE } from "../cases.ts";
import { randomBlocks } from "../measure/random-blocks.ts";
import { atLeast, atMost, type Bar, type Measured } from "./bar.ts";
import { compareRates } from "./duel.ts";
import { peer, saccade } from "./sides.ts";
import { timesOver } from "./times-over.ts";

const LONG = shapeOf({ N: 16_384 });

/** Lists of blocks that are given, against dense attention on the same runtime and against onnxruntime's operator. */
export const blockBars: readonly Bar[] = [
  ...[64, 128].flatMap((size) =>
    [0.05, 0.1, 0.3, 0.7, 1].map((density) =>
      atMost(
        // What follows the pairs, and what does not.
        1.12 * density + 0.005,
        "of dense",
        `blocks${size}-native-2t-density${density}`,
        "time of random blocks by head over dense, schedule included, 2 threads",
        () => shareOfDense(size, density),
      ),
    ),
  ),
  atLeast(20, "blocks64-native-2t-sparse", "over onnxruntime-node SparseAttention, the same blocks, 2 threads", () =>
    compareRates(
      { system: saccade("native", 2), shape: SPARSE },
      { system: peer("onnxruntime-node-sparse", "native", 2), shape: SPARSE },
    ),
  ),
];

async function shareOfDense(blockSize: number, density: number): Promise<Measured> {
  const blocks = Array.from({ length: LONG.H }, (_, h) =>
    randomBlocks({ rows: LONG.N / blockSize, density, seed: h + 1 }),
  );
  const { value, detail } = await timesOver("native", 2, LONG, blockSparse({ blocks, blockSize }), dense());
  return { value: 1 / value, detail };
}
