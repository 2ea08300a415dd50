import { mapRows, type FeatureMap } from "@saccade/core/variants";

/**
 * The second-order Taylor series of the exponential (Based): features whose products are
 *
 * ```text
 *   phi(q) . phi(k) = 1 + s + s^2 / 2,   s = q . k / sqrt(D)
 *   phi(x) = [1, x_i / D^(1/4), x_i^2 / sqrt(2 D), x_i x_j / sqrt(D) for i < j]
 * ```
 *
 * 1 + D + D (D + 1) / 2 of them: models keep D small (16). The products are at least 1/2, so that a normaliser is fine. Scale 1 without.
 *
 * Source: Arora et al. 2024, "Simple linear attention language models balance the recall-throughput tradeoff".
 */
export function taylor(): FeatureMap {
  const features = (headDim: number): number => 1 + headDim + (headDim * (headDim + 1)) / 2;
  return {
    name: "taylor",
    positive: true,
    relative: false,
    features,
    held: features,
    scale: () => 1,
    *map({ x, role, scratch }) {
      const { width } = x;
      const [first, square, product] = [width ** -0.25, 1 / Math.sqrt(2 * width), 1 / Math.sqrt(width)];
      const rows = yield* mapRows(x, features(width), scratch, role, ({ source, at, target, to }) => {
        let next = to;
        target[next++] = 1;
        for (let i = 0; i < width; i++) target[next++] = first * source[at + i]!;
        for (let i = 0; i < width; i++) {
          const number = source[at + i]!;
          target[next++] = square * number * number;
          for (let j = i + 1; j < width; j++) target[next++] = product * number * source[at + j]!;
        }
      });
      return { rows };
    },
  };
}
