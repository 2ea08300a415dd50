import { describe, expect, test } from "vitest";
import { ropeFrequencies } from "./rope-frequencies.ts";
import { rope, type Rope, type RopeOptions } from "./rope.ts";
import type { RopeScaling } from "./rope-scaling.ts";

const scaled = (dim: number, base: number, scaling: RopeScaling | undefined, length = 0): number[] => [
  ...ropeFrequencies(dim, base, scaling, length),
];

const closeTo = (got: readonly number[], want: readonly number[]): void => {
  expect(got).toHaveLength(want.length);
  for (const [i, value] of want.entries()) expect(Math.abs(got[i]! / value - 1), `pair ${i}`).toBeLessThan(1e-12);
};

/** As wavelengths, the way the papers' code goes, pair by pair. */
const wavelengths = (dim: number, base: number): number[] => {
  const found: number[] = [];
  for (let d = 0; d < dim; d += 2) found.push(2 * Math.PI * Math.exp((d / dim) * Math.log(base)));
  return found;
};

describe("frequencies", () => {
  test("fall from 1 to base^-(1 - 2 / R)", () => {
    expect(scaled(4, 10_000, undefined)).toEqual([1, 0.01]);
    closeTo(scaled(8, 10_000, undefined), [1, 0.1, 0.01, 0.001]);
    closeTo(
      scaled(128, 500_000, undefined),
      wavelengths(128, 500_000).map((wavelength) => (2 * Math.PI) / wavelength),
    );
  });

  test("are divided by linear scaling", () => {
    closeTo(scaled(8, 10_000, { type: "linear", factor: 4 }), [0.25, 0.025, 0.0025, 0.00025]);
  });

  test("keep the highest and divide the lowest by s with NTK-aware scaling", () => {
    const got = scaled(128, 10_000, { type: "ntk", factor: 8 });
    const plain = scaled(128, 10_000, undefined);
    expect(got[0]).toBe(1);
    expect(got[63]! * 8).toBeCloseTo(plain[63]!, 15);
    // base 10000 8^(128 / 126) by hand
    closeTo(
      got,
      wavelengths(128, 82_684.62264056221).map((wavelength) => (2 * Math.PI) / wavelength),
    );
  });

  test("stay below the original length with dynamic NTK, then follow the length", () => {
    const scaling: RopeScaling = { type: "dynamic-ntk", factor: 2, originalLength: 1000 };
    expect(scaled(64, 10_000, scaling, 0)).toEqual(scaled(64, 10_000, undefined));
    expect(scaled(64, 10_000, scaling, 1000)).toEqual(scaled(64, 10_000, undefined));
    // 2 x 3000 / 1000 - 1 = 5
    closeTo(scaled(64, 10_000, scaling, 3000), scaled(64, 10_000, { type: "ntk", factor: 5 }));
  });
});

describe("YaRN", () => {
  /** The authors' code by loops: interpolated and plain frequencies mixed by a ramp over pairs. */
  const second = (
    dim: number,
    base: number,
    scaling: { factor: number; originalLength: number; betaFast: number; betaSlow: number; truncate: boolean },
  ): number[] => {
    const correction = (turns: number): number =>
      (dim * Math.log(scaling.originalLength / (turns * 2 * Math.PI))) / (2 * Math.log(base));
    let low = correction(scaling.betaFast);
    let high = correction(scaling.betaSlow);
    if (scaling.truncate) [low, high] = [Math.floor(low), Math.ceil(high)];
    low = Math.max(low, 0);
    high = Math.min(high, dim - 1);
    if (low === high) high += 0.001;
    const found: number[] = [];
    for (let i = 0; i < dim / 2; i++) {
      let ramp = (i - low) / (high - low);
      if (ramp < 0) ramp = 0;
      if (ramp > 1) ramp = 1;
      const power = Math.exp(((2 * i) / dim) * Math.log(base));
      found.push(ramp / (scaling.factor * power) + (1 - ramp) / power);
    }
    return found;
  };

  test("is the authors' code, for published settings", () => {
    const defaults = { type: "yarn", betaFast: 32, betaSlow: 1, truncate: true } as const;
    const settings = [
      [128, 10_000, { ...defaults, factor: 16, originalLength: 4096 }],
      [64, 10_000, { ...defaults, factor: 40, originalLength: 4096 }],
      [64, 150_000, { ...defaults, factor: 32, originalLength: 4096, truncate: false }],
      [128, 1_000_000, { ...defaults, factor: 4, originalLength: 32_768 }],
    ] as const;
    for (const [dim, base, scaling] of settings) closeTo(scaled(dim, base, scaling), second(dim, base, scaling));
  });

  test("keeps pairs 0 to 20 and divides pairs from 46 on for Llama 2 at 4096 tokens", () => {
    const got = scaled(128, 10_000, { type: "yarn", factor: 16, originalLength: 4096 });
    const plain = scaled(128, 10_000, undefined);
    for (let i = 0; i < 64; i++) {
      const kept = got[i]! / plain[i]!;
      if (i <= 20) expect(kept).toBe(1);
      else if (i >= 46) expect(kept).toBeCloseTo(1 / 16, 14);
      else expect(kept).toBeCloseTo(1 - (15 / 16) * ((i - 20) / 26), 12);
    }
  });

  test("with factor 1 is no scaling", () => {
    const made = rope({ dim: 64, scaling: { type: "yarn", factor: 1, originalLength: 2048 } });
    closeTo([...made.frequencies()], scaled(64, 10_000, undefined));
    expect(made.attentionFactor).toBe(1);
  });

  test("multiplies cos and sin by 0.1 ln(s) + 1", () => {
    const scaling: RopeScaling = { type: "yarn", factor: 32, originalLength: 4096 };
    const made = rope({ dim: 64, base: 150_000, scaling });
    expect(made.attentionFactor).toBeCloseTo(1.346573590279973, 15);
    expect(made.tables(1).cos[0]).toBe(Math.fround(1.346573590279973));
    expect(rope({ dim: 64, scaling: { ...scaling, attentionFactor: 1.5 } }).attentionFactor).toBe(1.5);
  });
});

describe("Llama 3.1 scaling", () => {
  const scaling = {
    type: "llama3",
    factor: 8,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalLength: 8192,
  } as const;

  test("is the model's code by wavelengths", () => {
    const want = wavelengths(128, 500_000).map((wavelength) => {
      const theta = (2 * Math.PI) / wavelength;
      if (wavelength < 8192 / 4) return theta;
      if (wavelength > 8192 / 1) return theta / 8;
      const smooth = (8192 / wavelength - 1) / (4 - 1);
      return (1 - smooth) * (theta / 8) + smooth * theta;
    });
    closeTo(scaled(128, 500_000, scaling), want);
  });

  test("keeps pairs 0 to 28 of Llama 3.1, divides pairs from 35 on by 8, mixes those between", () => {
    const got = scaled(128, 500_000, scaling);
    const plain = scaled(128, 500_000, undefined);
    const kept = got.map((theta, i) => theta / plain[i]!);
    expect(kept.findIndex((ratio) => ratio !== 1)).toBe(29);
    expect(kept.findIndex((ratio) => ratio === 1 / 8)).toBe(35);
    for (let i = 30; i < 35; i++) expect(kept[i]).toBeLessThan(kept[i - 1]!);
  });
});

describe("rope refuses", () => {
  const refused: readonly [options: object, message: string][] = [
    [{ dim: 7 }, "rope: rotaryDim is 7, expected an even number in 2..dim = 7"],
    [{ dim: 8, rotaryDim: 10 }, "rope: rotaryDim is 10, expected an even number in 2..dim = 8"],
    [{ dim: 8.5 }, "rope: dim is 8.5, expected an integer of at least 2"],
    [{ dim: 8, base: 0 }, "rope: base is 0, expected a number of at least 1"],
    [{ dim: 8, pairs: "both" }, 'rope: pairs is "both", expected "half" or "interleaved"'],
    [
      { dim: 8, scaling: { type: "linear", factor: 0.5 } },
      "rope: scaling.factor is 0.5, expected a number of at least 1",
    ],
    [{ dim: 2, scaling: { type: "ntk", factor: 2 } }, 'scaling.type is "ntk", which needs a rotaryDim of at least 4'],
    [
      { dim: 8, scaling: { type: "dynamic-ntk", factor: 2 } },
      "scaling.originalLength is undefined, expected an integer",
    ],
    [{ dim: 8, scaling: { type: "yarn", factor: 2, originalLength: 0 } }, "scaling.originalLength is 0, expected an"],
    [
      { dim: 8, scaling: { type: "yarn", factor: 2, originalLength: 9, betaFast: 1, betaSlow: 2 } },
      "scaling.betaFast is 1, expected a number of at least 2",
    ],
    [
      {
        dim: 8,
        scaling: { type: "llama3", factor: 2, originalLength: 9, lowFrequencyFactor: 4, highFrequencyFactor: 4 },
      },
      "scaling.highFrequencyFactor is 4, expected more than lowFrequencyFactor = 4",
    ],
    [
      { dim: 8, scaling: { type: "su", factor: 2 } },
      'scaling.type is "su", expected "linear", "ntk", "dynamic-ntk", "yarn" or "llama3"',
    ],
  ];
  for (const [options, message] of refused) {
    test(message, () => expect((): Rope => rope(options as RopeOptions)).toThrow(message));
  }
});
