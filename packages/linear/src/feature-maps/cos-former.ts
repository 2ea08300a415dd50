import { mapRows, type FeatureMap } from "@saccade/core/variants";
import { checkWhole } from "../checks.ts";

export interface CosFormerOptions {
  /** M: tokens that a sequence has at most. */
  readonly maximum: number;
}

/**
 * relu with weights that fall with the distance (cosFormer): token i of at most M has the features
 *
 * ```text
 *   phi(x_i) = [relu(x) cos(pi i / 2 M), relu(x) sin(pi i / 2 M)]
 *   phi(q_i) . phi(k_j) = relu(q) . relu(k) cos(pi (i - j) / 2 M)
 * ```
 *
 * 2 D of them. Positions count from 0 at the first token of the state. Scale 1 without a normaliser.
 *
 * Source: Qin et al. 2022, "cosFormer: rethinking softmax in attention".
 *
 * @throws RangeError when `maximum` is no positive integer; calls throw one when a sequence becomes longer.
 */
export function cosFormer({ maximum }: CosFormerOptions): FeatureMap {
  checkWhole("cosFormer: maximum", maximum, 1);
  return {
    name: `cosFormer ${maximum}`,
    positive: true,
    relative: false,
    most: maximum,
    features: (headDim) => 2 * headDim,
    held: (headDim) => 2 * headDim,
    scale: () => 1,
    *map({ x, role, before, scratch }) {
      const { width } = x;
      const rows = yield* mapRows(x, 2 * width, scratch, role, ({ source, b, n, at, target, to }) => {
        const angle = (Math.PI * (before[b]! + n)) / (2 * maximum);
        const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
        for (let d = 0; d < width; d++) {
          const number = Math.max(source[at + d]!, 0);
          target[to + d] = number * cos;
          target[to + width + d] = number * sin;
        }
      });
      return { rows };
    },
  };
}
