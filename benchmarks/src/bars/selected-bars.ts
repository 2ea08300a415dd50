import { topKBlocks } from "@saccade/block-sparse";
import { dense } from "@saccade/core";
import { shapeOf } from "../cases.ts";
import { atLeast, type Bar } from "./bar.ts";
import { timesOver } from "./times-over.ts";

/** Two heads, so that a dense round takes seconds. */
const LONG = shapeOf({ N: 65_536, H: 2, causal: true });

/** Blocks that queries select, against dense attention on the same runtime. */
export const selectedBars: readonly Bar[] = [
  atLeast(10, "moba-native-2t-n65536", "MoBA (512, top 4) over dense causal, time with selection, 2 threads", () =>
    timesOver("native", 2, LONG, topKBlocks({ blockSize: 512, topK: 4 }), dense({ causal: true })),
  ),
];
