import { LONG_DECODE, shapeOf } from "../cases.ts";
import { atLeast, atMost, type Bar, type Measured } from "./bar.ts";
import { compareRates, withContestants } from "./duel.ts";
import { peer } from "./sides.ts";

const TYPES = [
  ["f16", 1.6, 1e-3],
  ["bf16", 1.6, 8e-3],
  ["i8", 1.9, 2e-2],
] as const;

const decoder = peer("saccade-decoder", "native", 2);

/** Keys and values stored in fewer bits. */
export const storedBars: readonly Bar[] = [
  ...TYPES.map(([stored, faster]) =>
    atLeast(faster, `stored-${stored}-step`, "over the f32 step, 131072 keys, H 32, G 8, D 128, 2 threads", () =>
      compareRates({ system: decoder, shape: { ...LONG_DECODE, stored } }, { system: decoder, shape: LONG_DECODE }),
    ),
  ),
  ...TYPES.flatMap(([stored, , worst]) =>
    [512, 8192].map((M) =>
      atMost(
        worst,
        "of max |out|",
        `stored-${stored}-error-m${M}`,
        "error of a step against float64, unit inputs",
        () => storedError(stored, M),
      ),
    ),
  ),
];

/** Rows of 4 batch elements and 8 heads. */
function storedError(stored: "f16" | "bf16" | "i8", M: number): Promise<Measured> {
  const shape = shapeOf({ B: 4, N: 1, M, causal: true, stored });
  return withContestants([{ system: decoder, shape }], async ([contestant]) => {
    const { ready, failed } = contestant!;
    const { maxAbsError = null, maxAbsReference = null, note } = ready ?? {};
    if (maxAbsError === null || maxAbsReference === null)
      return { value: NaN, detail: failed ?? "nothing was compared" };
    const detail = `off by ${maxAbsError.toExponential(1)} where values reach ${maxAbsReference.toFixed(3)}, ${note}`;
    return { value: maxAbsError / maxAbsReference, detail };
  });
}
