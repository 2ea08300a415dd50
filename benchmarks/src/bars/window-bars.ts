import { openRuntime } from "@saccade/core";
import { slidingWindow } from "@saccade/sliding-window";
import { LONG_WINDOW, shapeOf } from "../cases.ts";
import type { CallShape } from "../measure/shape.ts";
import { short } from "../report.ts";
import type { RuntimeClass } from "../systems/registry.ts";
import { attentionOf } from "../systems/saccade-attention.ts";
import { atLeast, atMost, type Bar, type Measured } from "./bar.ts";
import { compareRates } from "./duel.ts";
import { flatness } from "./flatness.ts";
import { peakMemory } from "./peak-memory.ts";
import { peer, saccade } from "./sides.ts";

const MB = 2 ** 20;
const RUNTIMES: readonly RuntimeClass[] = ["native", "wasm"];
const dense = shapeOf({ N: 4096 });

/** One head, so that a million tokens fit beside another process that has as many. */
const lengths = [8192, 65_536, 1_048_576].map((N) => shapeOf({ N, H: 1, causal: true, window: 1024 }));
/** A step behind that many tokens. */
const step = (M: number): CallShape => shapeOf({ N: 1, M, H: 2, G: 1, causal: true, window: 4096 });
const [AFTER_8K, AFTER_1M] = [step(8192), step(1_048_576)];

/** Sliding windows. */
export const windowBars: readonly Bar[] = [
  atLeast(
    28,
    "window-native-2t-gqa",
    "over onnxruntime-node GroupQueryAttention with local_window_size, 2 threads",
    () =>
      compareRates(
        { system: saccade("native", 2), shape: LONG_WINDOW },
        { system: peer("onnxruntime-node-gqa", "native", 2), shape: LONG_WINDOW },
      ),
  ),
  ...RUNTIMES.map((runtime) =>
    atMost(1.15, "x", `window-${runtime}-flat`, "largest over least time per token, N 8192 to 1048576, W 1024", () =>
      flatness(saccade(runtime, 2), lengths),
    ),
  ),
  ...RUNTIMES.map((runtime) =>
    atMost(64, "MB", `window-${runtime}-memory`, "beyond inputs and output, N 1048576, W 1024, 2 threads", () =>
      plannedAndMeasured(runtime, lengths.at(-1)!),
    ),
  ),
  atLeast(0.88, "window-native-1t-rate", "W 1024 over dense, rate per visible pair, 1 thread", () =>
    compareRates(
      { system: saccade("native", 1), shape: shapeOf({ N: 16_384, causal: true, window: 1024 }) },
      { system: saccade("native", 1), shape: dense },
    ),
  ),
  atLeast(0.7, "window-native-1t-dilated", "every 8th of 4096 keys over dense, rate per visible pair, 1 thread", () =>
    compareRates(
      { system: saccade("native", 1), shape: shapeOf({ N: 16_384, causal: true, window: 512, dilation: 8 }) },
      { system: saccade("native", 1), shape: dense },
    ),
  ),
  ...RUNTIMES.map((runtime) =>
    atLeast(0.9, `window-${runtime}-step`, "a step after 1M tokens over one after 8k, W 4096, 1 thread", () =>
      compareRates(
        { system: peer("saccade-decoder", runtime, 1), shape: AFTER_1M },
        { system: peer("saccade-decoder", runtime, 1), shape: AFTER_8K },
      ),
    ),
  ),
  atMost(1, "x", "window-step-memory", "bytes of a cache for 1M tokens over one for 8k, W 4096", cacheRatio),
];

/** The larger of what the plan says and what resident memory shows. */
async function plannedAndMeasured(runtime: RuntimeClass, shape: CallShape): Promise<Measured> {
  const measured = await peakMemory(saccade(runtime, 2), shape);
  await using opened = await openRuntime(runtime, { threads: 2 });
  const { H, N, D } = shape;
  const sizes = { heads: H, queries: N, headDim: D, runtime: opened, threads: 2 };
  const planned = attentionOf(shape).plan(sizes).workspaceBytes / MB;
  return { value: Math.max(planned, measured.value), detail: `planned ${short(planned)} MB, ${measured.detail}` };
}

async function cacheRatio(): Promise<Measured> {
  const attend = slidingWindow({ window: 4096 });
  const bytes = [AFTER_1M, AFTER_8K].map(({ H, G, M, D }) => {
    const sizes = { heads: H, kvHeads: G, headDim: D };
    return attend.plan({ ...sizes, queries: 1, keys: M, rewindable: 1 }).cacheBytes;
  }) as [number, number];
  return { value: bytes[0] / bytes[1], detail: bytes.map((each) => `${short(each / MB)} MB`).join(" and ") };
}
