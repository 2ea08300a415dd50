import { dense } from "@saccade/core";
import { expect, test } from "vitest";
import { orthogonalFeatures } from "../src/feature-maps/random-features.ts";
import { favorPlus, linear } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { flattened, inputsOf, type Sizes } from "./call-inputs.ts";

const runtimes = await availableRuntimes();
const sizes: Sizes = { batch: 1, heads: 2, kvHeads: 1, valueHeads: 1, tokens: 96, headDim: 16, valueDim: 8 };
const SEEDS = Array.from({ length: 12 }, (_, seed) => seed + 1);

function rootMeanSquare(got: Float32Array, want: Float64Array): number {
  return Math.sqrt(want.reduce((sum, x, i) => sum + (got[i]! - x) ** 2, 0) / want.length);
}

test.each(runtimes)(
  "favorPlus comes to softmax attention as features grow, with an error of 1 / sqrt(m), on $label",
  ({ runtime }) => {
    const call = inputsOf(sizes, {}, { seed: 8 });
    // Of longer queries and keys the estimate has so heavy tails that it takes far more features to get there.
    for (const { data } of [call.q, call.k]) (data as Float32Array).forEach((x, i, all) => (all[i] = x / 2));
    for (const causal of [true, false]) {
      const want = dense({ causal }).reference(call).out;
      const error = (features: number): number => {
        const errors = SEEDS.map((seed) => {
          const attend = linear({ map: favorPlus({ features, seed }), causal });
          return rootMeanSquare(flattened(attend.forwardSync(call, { runtime }).out), want);
        });
        return errors.reduce((sum, x) => sum + x, 0) / errors.length;
      };
      const errors = [32, 128, 512].map(error);
      for (let i = 0; i + 1 < errors.length; i++) {
        // Four times the features: half the error.
        expect(errors[i]! / errors[i + 1]!).toBeGreaterThan(1.6);
        expect(errors[i]! / errors[i + 1]!).toBeLessThan(2.6);
      }
      expect(errors.at(-1)!).toBeLessThan(0.1);
    }
  },
);

test("random directions are orthogonal in blocks, as long as normal vectors, and the same for a seed", () => {
  const [m, D] = [40, 16];
  const rows = orthogonalFeatures(m, D, 3);
  expect(orthogonalFeatures(m, D, 3)).toEqual(rows);
  expect(orthogonalFeatures(m, D, 4)).not.toEqual(rows);
  const product = (i: number, j: number): number => {
    let sum = 0;
    for (let d = 0; d < D; d++) sum += rows[i * D + d]! * rows[j * D + d]!;
    return sum;
  };
  for (let i = 0; i < m; i++) {
    for (let j = Math.floor(i / D) * D; j < i; j++) expect(Math.abs(product(i, j))).toBeLessThan(1e-5);
  }
  // The mean square of a normal vector of D numbers is D.
  const many = orthogonalFeatures(4000, D, 1);
  const square = many.reduce((sum, x) => sum + x * x, 0) / 4000;
  expect(square).toBeGreaterThan(0.95 * D);
  expect(square).toBeLessThan(1.05 * D);
});

test("keys far larger than those before let the state shrink, not overflow", () => {
  const call = inputsOf({ ...sizes, tokens: 20 }, {}, { seed: 9 });
  const keys = call.k.data as Float32Array;
  // |y|^2 / 2 is up to 200 here: exponentials of both signs are far outside of f32.
  for (let t = 0; t < 20; t++) for (let d = 0; d < 16; d++) keys[t * 16 + d]! *= 1 + t / 2;
  const attend = linear({ map: favorPlus({ features: 32 }) });
  const { out, state } = attend.forwardSync(call, { state: true, runtime: "reference" });
  const want = attend.reference(call);
  expect(flattened(out).every((x) => Number.isFinite(x))).toBe(true);
  expect(rootMeanSquare(flattened(out), want.out)).toBeLessThan(1e-4);
  expect(state.part("maximum")[0]).toBeCloseTo(want.state["maximum"]![0]!, 3);
});
