import type { OutputReader } from "../measure/check.ts";
import type { Inputs } from "../measure/inputs.ts";
import type { CallShape } from "../measure/shape.ts";

/** What one call of a system does, ready to be repeated. */
export interface Prepared {
  /** One whole call, from the caller's arrays to a result in the caller's hands. May return its own milliseconds. */
  run(): unknown;
  /** How to read the result of the last `run`; without it there is nothing to check. */
  readonly read?: () => OutputReader;
  /** What ran, where the system says so: instruction set, and why something better did not. */
  readonly note?: string;
}

/** Loads the system and prepares one call. Whatever it throws becomes the recorded failure. */
export type Prepare = (shape: CallShape, inputs: Inputs, threads: number) => Promise<Prepared>;

/** The result was copied or left in [B, N, H, E]. */
export const positionsFirst =
  (data: Float32Array, { N, H, E }: CallShape): OutputReader =>
  (b, h, i, e) =>
    data[((b * N + i) * H + h) * E + e]!;

/** The result is in [B, H, N, E]. */
export const headsFirstReader =
  (data: Float32Array, { N, H, E }: CallShape): OutputReader =>
  (b, h, i, e) =>
    data[((b * H + h) * N + i) * E + e]!;
