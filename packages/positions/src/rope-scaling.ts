import { checkNumber, checkWhole } from "./checks.ts";

/** Every position divided by `factor`: positional interpolation (Chen et al., 2023). */
export interface LinearScaling {
  readonly type: "linear";
  readonly factor: number;
}

/**
 * A larger base, b s^(R / (R - 2)): the lowest frequency is divided by s, the highest stays ("NTK-aware", bloc97, 2023).
 */
export interface NtkScaling {
  readonly type: "ntk";
  /** s */
  readonly factor: number;
}

/**
 * NTK-aware scaling by as much as a length L needs: b (s L / L0 - (s - 1))^(R / (R - 2)) for L above L0, nothing below.
 *
 * The angles of every position depend on L. Tables are made for one length and keep it; a decoder fixes it when it is made, and keys that
 * are to follow a growing length must be stored unrotated.
 */
export interface DynamicNtkScaling {
  readonly type: "dynamic-ntk";
  /** s */
  readonly factor: number;
  /** L0, the length of training. */
  readonly originalLength: number;
}

/**
 * YaRN (Peng et al., 2023): pairs that turn more than `betaFast` times within L0 stay, those that turn less than `betaSlow` times are
 * interpolated, a ramp lies between; cos and sin are multiplied by `attentionFactor`.
 */
export interface YarnScaling {
  readonly type: "yarn";
  /** s */
  readonly factor: number;
  /** L0, the length of training. */
  readonly originalLength: number;
  /** Default 32. */
  readonly betaFast?: number | undefined;
  /** Default 1. */
  readonly betaSlow?: number | undefined;
  /** Default 0.1 ln(s) + 1. */
  readonly attentionFactor?: number | undefined;
  /** Whether the ramp begins and ends at whole pairs, as in the paper's code. Default true; gpt-oss has false. */
  readonly truncate?: boolean | undefined;
}

/**
 * Llama 3.1: wavelengths below L0 / `highFrequencyFactor` stay, those above L0 / `lowFrequencyFactor` are divided by s, between them the two
 * are mixed.
 */
export interface Llama3Scaling {
  readonly type: "llama3";
  /** s */
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  /** L0, the length of training. */
  readonly originalLength: number;
}

/** How angles are changed so that a model works beyond the length of its training. */
export type RopeScaling = LinearScaling | NtkScaling | DynamicNtkScaling | YarnScaling | Llama3Scaling;

/** @throws TypeError for an unknown type, RangeError for numbers that make no sense. */
export function checkScaling(scaling: RopeScaling, rotaryDim: number): void {
  const where = "rope: scaling.";
  checkNumber(`${where}factor`, scaling.factor, 1);
  if (scaling.type === "linear") return;
  if (scaling.type === "ntk" || scaling.type === "dynamic-ntk") {
    if (rotaryDim < 4) throw new RangeError(`${where}type is "${scaling.type}", which needs a rotaryDim of at least 4`);
  }
  if (scaling.type === "ntk") return;
  checkOriginalLength(scaling);
}

function checkOriginalLength(scaling: DynamicNtkScaling | YarnScaling | Llama3Scaling): void {
  const where = "rope: scaling.";
  switch (scaling.type) {
    case "dynamic-ntk":
      break;
    case "yarn": {
      const { betaFast = 32, betaSlow = 1, attentionFactor = 1 } = scaling;
      checkNumber(`${where}betaSlow`, betaSlow, Number.MIN_VALUE);
      checkNumber(`${where}betaFast`, betaFast, betaSlow);
      checkNumber(`${where}attentionFactor`, attentionFactor, Number.MIN_VALUE);
      break;
    }
    case "llama3": {
      const { lowFrequencyFactor, highFrequencyFactor } = scaling;
      checkNumber(`${where}lowFrequencyFactor`, lowFrequencyFactor, Number.MIN_VALUE);
      checkNumber(`${where}highFrequencyFactor`, highFrequencyFactor, Number.MIN_VALUE);
      if (highFrequencyFactor > lowFrequencyFactor) break;
      throw new RangeError(
        `${where}highFrequencyFactor is ${highFrequencyFactor}, expected more than lowFrequencyFactor = ${lowFrequencyFactor}`,
      );
    }
    default:
      throw unknownScaling(scaling);
  }
  checkWhole(`${where}originalLength`, scaling.originalLength, 1);
}

function unknownScaling(scaling: never): TypeError {
  const { type } = scaling as { type: unknown };
  const known = '"linear", "ntk", "dynamic-ntk", "yarn" or "llama3"';
  return new TypeError(`rope: scaling.type is ${JSON.stringify(type)}, expected ${known}`);
}
