import { PACKED, shapeOf } from "../cases.ts";
import type { CallShape } from "../measure/shape.ts";
import type { RuntimeClass } from "../systems/registry.ts";
import { attentionOf } from "../systems/saccade-attention.ts";
import { atLeast, atMost, type Bar, type Measured } from "./bar.ts";
import { compareRates, type WorkRatio } from "./duel.ts";
import { saccade } from "./sides.ts";

const CAUSAL = shapeOf({ N: 4096, causal: true });
const FULL = shapeOf({ N: 4096 });

/** The scores that must keep a share of dense's rate, each beside the same pairs without it. */
const SCORES: readonly (readonly [
  name: string,
  about: string,
  threshold: number,
  shape: CallShape,
  plain: CallShape,
])[] = [
  ["alibi", "ALiBi as a score, causal", 0.8, { ...CAUSAL, score: "alibi" }, CAUSAL],
  ["relative", "a relative bias as a score", 0.8, { ...FULL, score: "relative" }, FULL],
  ["softcap", "softcap 30", 0.85, { ...FULL, softcap: 30 }, FULL],
];

/** Pairs that the tasks of the schedule cover, in place of those that are visible. */
const visited: WorkRatio = (ours, other) => visitedWork(ours) / visitedWork(other);

function visitedWork(shape: CallShape): number {
  const { B, H, G, N, M, D, E } = shape;
  const sizes = { batch: B, heads: H, kvHeads: G, queries: N, keys: M, headDim: D, valueDim: E };
  return attentionOf(shape).plan(sizes).visitedPairs * (D + E);
}

/** Scores, documents and remapped positions, against dense attention on the same runtime. */
export const patternBars: readonly Bar[] = [
  ...(["native", "wasm"] as const).flatMap((runtime: RuntimeClass) =>
    SCORES.map(([name, about, threshold, shape, plain]) =>
      atLeast(threshold, `score-${runtime}-1t-${name}`, `${about}, over dense without, 1 thread`, () =>
        compareRates({ system: saccade(runtime, 1), shape }, { system: saccade(runtime, 1), shape: plain }),
      ),
    ),
  ),
  atLeast(0.9, "packed-native-1t", "causal documents over dense, rate per visited pair, 1 thread", () =>
    compareRates(
      { system: saccade("native", 1), shape: PACKED },
      { system: saccade("native", 1), shape: FULL },
      visited,
    ),
  ),
  atMost(1.15, "x", "dual-chunk-native-1t", "time of dual chunk attention over causal, 1 thread", async () =>
    inverse(
      await compareRates(
        { system: saccade("native", 1), shape: { ...CAUSAL, dualChunk: 1024 } },
        { system: saccade("native", 1), shape: CAUSAL },
      ),
    ),
  ),
];

/** Times in place of rates. */
const inverse = ({ value, detail }: Measured): Measured => ({ value: 1 / value, detail });
