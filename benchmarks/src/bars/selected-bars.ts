import { nativeSparse, pageSelect, topKBlocks } from "@saccade/block-sparse";
import { dense } from "@saccade/core";
import { LONG_DECODE, shapeOf } from "../cases.ts";
import { atLeast, type Bar } from "./bar.ts";
import { stepTimesOver } from "./step-times-over.ts";
import { timesOver } from "./times-over.ts";

/** Two heads, so that a dense round takes seconds. */
const LONG = shapeOf({ N: 65_536, H: 2, causal: true });

/** Blocks that queries select, against dense attention on the same runtime. */
export const selectedBars: readonly Bar[] = [
  atLeast(10, "moba-native-2t-n65536", "MoBA (512, top 4) over dense causal, time with selection, 2 threads", () =>
    timesOver("native", 2, LONG, topKBlocks({ blockSize: 512, topK: 4 }), dense({ causal: true })),
  ),
  atLeast(4, "nsa-native-2t-n65536", "NSA (32 by 16, 16 of 64, 512) over dense causal, 2 threads, one round", () =>
    timesOver("native", 2, { ...LONG, H: 16, G: 2 }, nativeSparse(), dense({ causal: true }), 1),
  ),
  ...(
    [
      [10, "pages", "pages for key heads", false],
      [5, "pages-per-head", "pages for query heads", true],
    ] as const
  ).map(([threshold, name, about, perQueryHead]) =>
    atLeast(threshold, `quest-native-2t-${name}`, `a step of Quest (32, 2048), ${about}, over the dense step`, () =>
      stepTimesOver("native", 2, LONG_DECODE, pageSelect({ pageSize: 32, budget: 2048, perQueryHead })),
    ),
  ),
];
