/** One thing that must hold, and how it is found out. */
export interface Bar {
  readonly name: string;
  /** What is compared, in words. */
  readonly about: string;
  /** The measured value must be at least this, or with `limit: "most"` at most this. */
  readonly threshold: number;
  readonly limit: "least" | "most";
  /** "x" for ratios, "MB", "ms", "of max |out|". */
  readonly unit: string;
  measure(): Promise<Measured>;
}

export interface Measured {
  /** NaN when it could not be measured, which is not a pass. */
  readonly value: number;
  /** Where the value comes from: both sides' figures, or why there is none. */
  readonly detail: string;
}

export const holds = ({ threshold, limit }: Bar, { value }: Measured): boolean =>
  limit === "least" ? value >= threshold : value <= threshold;

/** A ratio that must not be smaller. */
export const atLeast = (threshold: number, name: string, about: string, measure: Bar["measure"]): Bar => ({
  name,
  about,
  threshold,
  limit: "least",
  unit: "x",
  measure,
});

/** A figure that must not be larger. */
export const atMost = (threshold: number, unit: string, name: string, about: string, measure: Bar["measure"]): Bar => ({
  name,
  about,
  threshold,
  limit: "most",
  unit,
  measure,
});
