import { LONG_DECODE, shapeOf, SMALL_SHAPES, WIDTHS } from "../cases.ts";
import { describe, type CallShape } from "../measure/shape.ts";
import { short } from "../report.ts";
import { allSystems, type RuntimeClass, type System } from "../systems/registry.ts";
import { atLeast, atMost, type Bar, type Measured } from "./bar.ts";
import { blockBars } from "./block-bars.ts";
import { againstBest, compareRates, withContestants } from "./duel.ts";
import { firstCall } from "./first-call.ts";
import { linearBars } from "./linear-bars.ts";
import { matmulBars } from "./matmul-bars.ts";
import { patternBars } from "./pattern-bars.ts";
import { peakMemory } from "./peak-memory.ts";
import { scheduleBars } from "./schedule-bars.ts";
import { selectedBars } from "./selected-bars.ts";
import { peer, saccade } from "./sides.ts";
import { storedBars } from "./stored-bars.ts";
import { windowBars } from "./window-bars.ts";

/** Everybody else of the same runtime class, with as many threads where they can have them. */
function peersOf(runtime: RuntimeClass, threads: number): System[] {
  const others = allSystems(threads).filter(
    (system) =>
      system.runtime === runtime && !system.system.startsWith("saccade") && system.system !== "read-bandwidth",
  );
  const threaded = new Set(others.filter((system) => system.threads === threads).map(({ system }) => system));
  return others.filter((system) => system.threads === threads || !threaded.has(system.system));
}

const bothWidths = [64, 128];

const dense: Bar[] = [
  ...bothWidths.map((D) => {
    const shape = shapeOf({ N: 4096, D });
    return atLeast(1.2, `native-1t-full-d${D}`, "over onnxruntime-node MultiHeadAttention, 1 thread", () =>
      compareRates(
        { system: saccade("native", 1), shape },
        { system: peer("onnxruntime-node-mha", "native", 1), shape },
      ),
    );
  }),
  ...bothWidths.flatMap((D) =>
    ["mha", "gqa"].map((operator) => {
      const shape = shapeOf({ N: 4096, D, causal: true });
      const name = operator === "mha" ? "MultiHeadAttention" : "GroupQueryAttention";
      return atLeast(
        2.7,
        `native-2t-causal-d${D}-${operator}`,
        `over onnxruntime-node ${name}, causal, 2 threads`,
        () =>
          compareRates(
            { system: saccade("native", 2), shape },
            { system: peer(`onnxruntime-node-${operator}`, "native", 2), shape },
          ),
      );
    }),
  ),
  ...bothWidths.map((D) =>
    atLeast(0.93, `native-2t-causal-rate-d${D}`, "causal over full, rate per visible pair, 2 threads", () =>
      compareRates(
        { system: saccade("native", 2), shape: shapeOf({ N: 4096, D, causal: true }) },
        { system: saccade("native", 2), shape: shapeOf({ N: 4096, D }) },
      ),
    ),
  ),
];

const small: Bar[] = (["native", "wasm"] as const).flatMap((runtime) =>
  [1, 2].flatMap((threads) =>
    SMALL_SHAPES.map((shape) => {
      // A step of decoding is what the decoder is for.
      const system = shape.N === 1 ? peer("saccade-decoder", runtime, threads) : saccade(runtime, threads);
      const name = `small-${runtime}-${threads}t-${describe(shape)}`;
      const about = `over the best ${runtime} peer, call included`;
      return atLeast(1, name, about, () => againstBest({ system, shape }, peersOf(runtime, threads)));
    }),
  ),
);

const widths: Bar[] = (["native", "wasm"] as const).flatMap((runtime) =>
  WIDTHS.map((shape) =>
    atLeast(0.85, `width-${runtime}-1t-${describe(shape)}`, "rate over that of D 64", () =>
      compareRates(
        { system: saccade(runtime, 1), shape },
        { system: saccade(runtime, 1), shape: shapeOf({ N: shape.N }) },
      ),
    ),
  ),
);

const memory: Bar[] = [
  atMost(64, "MB", "memory-native-n16384-causal", "beyond inputs and output, 2 threads", () =>
    peakMemory(saccade("native", 2), shapeOf({ N: 16_384, causal: true })),
  ),
  atMost(48, "MB", "memory-wasm-n16384", "beyond inputs and output, 1 thread", () =>
    peakMemory(saccade("wasm", 1), shapeOf({ N: 16_384 })),
  ),
];

const wasm: Bar[] = [
  atLeast(1.9, "wasm-1t-n1024", "over onnxruntime-web MultiHeadAttention, 1 thread", () => {
    const shape = shapeOf({ N: 1024 });
    return compareRates(
      { system: saccade("wasm", 1), shape },
      { system: peer("onnxruntime-web-mha", "wasm", 1), shape },
    );
  }),
  ...[4096, 16_384].map((N) =>
    atLeast(1, `wasm-runs-n${N}`, "runs and is right (1), where onnxruntime-web is asked the same", () =>
      runs(shapeOf({ N })),
    ),
  ),
  atLeast(1.75, "wasm-2t-over-1t", "2 threads over 1, N 4096, copies included", () => {
    const shape = shapeOf({ N: 4096 });
    return compareRates({ system: saccade("wasm", 2), shape }, { system: saccade("wasm", 1), shape });
  }),
];

const other: Bar[] = [
  atLeast(0.75, "decode-m131072-bandwidth", "of the read bandwidth measured beside it, 2 threads", () =>
    compareRates(
      { system: saccade("native", 2), shape: LONG_DECODE },
      { system: peer("read-bandwidth", "native", 2), shape: LONG_DECODE },
    ),
  ),
  atMost(150, "ms", "first-call-wasm", "the first call after import, 8 heads x 64 tokens", firstCall),
];

export const BARS: readonly Bar[] = [
  ...dense,
  ...wasm,
  ...memory,
  ...other,
  ...widths,
  ...small,
  ...windowBars,
  ...patternBars,
  ...scheduleBars,
  ...storedBars,
  ...blockBars,
  ...selectedBars,
  ...linearBars,
  ...matmulBars,
];

function runs(shape: CallShape): Promise<Measured> {
  const entries = [saccade("wasm", 1), peer("onnxruntime-web-mha", "wasm", 1)].map((system) => ({ system, shape }));
  return withContestants(entries, async ([ours, theirs]) => ({
    value: ours!.ready ? 1 : 0,
    detail: [ours!, theirs!]
      .map(({ label, ready, failed }) =>
        ready
          ? `${label} ${short(ready.firstMs)} ms, off by ${ready.maxAbsError?.toExponential(1)}`
          : `${label}: ${failed}`,
      )
      .join("; "),
  }));
}
