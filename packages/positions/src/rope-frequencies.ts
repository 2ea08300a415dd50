import type { Llama3Scaling, RopeScaling, YarnScaling } from "./rope-scaling.ts";

/**
 * Radians that each pair turns from one position to the next, [R / 2], in float64.
 *
 * Without scaling theta_i = base^(-2i / R) (Su et al., 2021). The scalings are those of `RopeScaling`, computed as in the authors' code (which
 * Hugging Face's modeling_rope_utils.py follows).
 *
 * @param length what dynamic NTK scales for; other scalings do not look at it.
 */
export function ropeFrequencies(
  rotaryDim: number,
  base: number,
  scaling: RopeScaling | undefined,
  length: number,
): Float64Array {
  const plain = (withBase: number): Float64Array =>
    Float64Array.from({ length: rotaryDim / 2 }, (_, i) => withBase ** ((-2 * i) / rotaryDim));
  const wider = (factor: number): Float64Array => plain(base * factor ** (rotaryDim / (rotaryDim - 2)));
  switch (scaling?.type) {
    case undefined:
      return plain(base);
    case "linear":
      return plain(base).map((theta) => theta / scaling.factor);
    case "ntk":
      return wider(scaling.factor);
    case "dynamic-ntk": {
      const { factor, originalLength } = scaling;
      return wider((factor * Math.max(length, originalLength)) / originalLength - (factor - 1));
    }
    case "yarn":
      return yarn(plain(base), rotaryDim, base, scaling);
    case "llama3":
      return plain(base).map((theta) => llama3(theta, scaling));
  }
}

/** The factor on cos and sin. */
export function attentionFactor(scaling: RopeScaling | undefined): number {
  return scaling?.type === "yarn" ? (scaling.attentionFactor ?? 0.1 * Math.log(scaling.factor) + 1) : 1;
}

function yarn(plain: Float64Array, rotaryDim: number, base: number, scaling: YarnScaling): Float64Array {
  const { factor, originalLength, betaFast = 32, betaSlow = 1, truncate = true } = scaling;
  /** The pair, as a real number, that turns this many times within the original length. */
  const pairOf = (turns: number): number =>
    (rotaryDim * Math.log(originalLength / (turns * 2 * Math.PI))) / (2 * Math.log(base));
  const [first, last] = [pairOf(betaFast), pairOf(betaSlow)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  const high = Math.min(truncate ? Math.ceil(last) : last, rotaryDim - 1);
  const width = high === low ? 0.001 : high - low;
  return plain.map((theta, i) => {
    const interpolated = Math.min(Math.max((i - low) / width, 0), 1);
    return (theta / factor) * interpolated + theta * (1 - interpolated);
  });
}

function llama3(theta: number, scaling: Llama3Scaling): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalLength } = scaling;
  const turns = (originalLength * theta) / (2 * Math.PI);
  if (turns > high) return theta;
  if (turns < low) return theta / factor;
  const kept = (turns - low) / (high - low);
  return (1 - kept) * (theta / factor) + kept * theta;
}
