import { dense } from "@saccade/core";
import { slidingWindow } from "@saccade/sliding-window";
import { describe, expect, it } from "vitest";
import { mapRow, rollout, type RolloutLayer } from "../../src/index.ts";
import { difference, inputs, sumOf } from "./call-inputs.ts";
import { explicitWeights, type ExplicitTerms } from "./explicit-weights.ts";

const N = 37;
const causal = (p: number, j: number): boolean => j <= p;
const terms: readonly ExplicitTerms[] = [
  { shows: causal },
  { shows: (p, j) => j <= p && p - j < 5 },
  { shows: causal, softcap: 2 },
];
const layers: readonly RolloutLayer[] = [
  dense({ causal: true }),
  slidingWindow({ window: 5 }),
  dense({ causal: true, softcap: 2 }),
].map((attention, l) => ({ attention, inputs: inputs({ queries: N, seed: l + 1 }) }));

/** r I + (1 - r) mean of the heads' matrices. */
function layerMatrix(l: number, heads: readonly number[], r: number): Float64Array[] {
  return Array.from({ length: N }, (_, i) => {
    const row = new Float64Array(N);
    for (const h of heads) {
      const weights = explicitWeights(layers[l]!.inputs, 0, h, i, terms[l]!);
      for (let j = 0; j < N; j++) row[j]! += ((1 - r) * weights[j]!) / heads.length;
    }
    row[i]! += r;
    return row;
  });
}

function product(a: Float64Array[], b: Float64Array[]): Float64Array[] {
  return a.map((row) => Float64Array.from({ length: N }, (_, j) => row.reduce((sum, x, m) => sum + x * b[m]![j]!, 0)));
}

describe("rollout", () => {
  it.each([
    { residual: 0.5, heads: [0, 1, 2, 3] },
    { residual: 0.2, heads: [2] },
    { residual: 0, heads: [0, 3] },
  ])("is the product of the layers' matrices: %o", async ({ residual, heads }) => {
    const all = [2, 1, 0].map((l) => layerMatrix(l, heads, residual)).reduce(product);
    const map = await rollout(layers, { queries: [0, 11, N - 1], heads, residual });
    for (const query of [0, 11, N - 1]) {
      expect(difference(mapRow(map, query), all[query]!)).toBeLessThan(1e-5);
      expect(sumOf(mapRow(map, query))).toBeCloseTo(1, 5);
    }
  });

  it("mixes half of each token through the residual connection by default", async () => {
    const map = await rollout(layers.slice(0, 1), { queries: [N - 1] });
    expect(difference(mapRow(map, N - 1), layerMatrix(0, [0, 1, 2, 3], 0.5)[N - 1]!)).toBeLessThan(1e-6);
  });

  it("names layers that do not fit together", async () => {
    const short = { attention: dense(), inputs: inputs({ queries: 5 }) };
    await expect(rollout([short, layers[0]!], { queries: [0] })).rejects.toThrow(
      "rollout: layer 0 has N = 5 and M = 5, expected 37 of both",
    );
    await expect(rollout([], { queries: [0] })).rejects.toThrow("rollout: layers is an empty list");
    await expect(rollout(layers, { queries: [0], residual: 2 })).rejects.toThrow("rollout: residual is 2");
  });
});
