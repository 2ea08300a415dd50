import type { LinearAttention } from "@saccade/core";
import {
  linearAttention,
  mapRows,
  numbersOf,
  recurrenceVariant,
  rowAt,
  scalarGate,
  type Operands,
  type Steps,
} from "@saccade/core/variants";
import { checkHeadCount, checkHeadNumbers, perRootOfWidth, scaleOf } from "./checks.ts";
import type { ScaleOption } from "./common-options.ts";
import { PLAIN, taken } from "./plain-operands.ts";

export interface StateSpaceOptions extends ScaleOption {
  /** A of a state space model: a number below 0 for each value head, [V]. Calls then bring `dt` in place of `decay`. */
  readonly a: ArrayLike<number>;
}

/**
 * A decay that the token decides, one number for each value head (simple GLA),
 *
 * ```text
 *   S_t = e^(decay_t) S_(t-1) + k_t v_t'       o_t = scale q_t' S_t
 * ```
 *
 * Calls bring `decay`, [B, V, N, 1], natural logarithms, at most 0. Scale 1/sqrt(D).
 *
 * With `a` it is Mamba-2's state space model (SSD), where q, k, v are its C, B, x and calls bring `dt`, [B, V, N, 1], the length of the
 * step, at least 0 (after softplus and bias). Scale 1.
 *
 * ```text
 *   S_t = e^(dt_t A) S_(t-1) + dt_t k_t v_t'       o_t = q_t' S_t
 * ```
 *
 * Mamba-2's skip connection D x belongs to the layer around it.
 *
 * Source: Yang et al. 2024, as `gated`; Dao and Gu 2024, "Transformers are SSMs".
 *
 * @throws RangeError when a number of `a` is not below 0.
 * @example
 * const { out } = await scalarGated().forward({ q, k, v, decay });
 * const { out: y } = await scalarGated({ a }).forward({ q: C, k: B, v: x, dt });
 */
export function scalarGated(options: StateSpaceOptions): LinearAttention<"dt">;
export function scalarGated(options?: ScaleOption): LinearAttention<"decay">;
export function scalarGated(options: ScaleOption | StateSpaceOptions = {}): LinearAttention<"dt" | "decay"> {
  const name = "scalarGated";
  const { scale } = options;
  if (!("a" in options)) {
    const variant = recurrenceVariant({
      ...PLAIN,
      name,
      gates: [scalarGate("decay")],
      scale: scaleOf(name, scale, perRootOfWidth),
      operands: taken<"decay">(({ decay }) => ({ decay: { kind: "token", log: decay } })),
    });
    return linearAttention(variant) as LinearAttention<"dt" | "decay">;
  }
  const a = checkHeadNumbers(name, "a", options.a, "a number below 0", (x) => x < 0 && x > -Infinity);
  if (a === undefined) throw new TypeError(`${name}: a is missing, expected a number for every value head`);
  return linearAttention(
    recurrenceVariant({
      ...PLAIN,
      name,
      stateName: "scalarGated a",
      gates: [scalarGate("dt")],
      scale: scaleOf(name, scale, () => 1),
      check: (where, { valueHeads }) => checkHeadCount(where, "a", a.length, valueHeads),
      operandBytes: ({ valueHeads, valueDim }) => 4 * valueHeads * (valueDim + 1),
      *operands({ inputs, scratch }): Steps<Operands> {
        const { q, k, v, dt } = inputs;
        const steps = numbersOf(dt);
        const log = yield* mapRows(dt, 1, scratch, "decay", ({ source, h, at, target, to }) => {
          target[to] = source[at]! * a[h]!;
        });
        const values = yield* mapRows(v, v.width, scratch, "v", ({ source, b, h, n, at, target, to }) => {
          const step = steps[rowAt(dt, b, h, n)]!;
          for (let e = 0; e < v.width; e++) target[to + e] = step * source[at + e]!;
        });
        return { q, k, v: values, decay: { kind: "token", log }, rule: { kind: "additive" } };
      },
    }),
  ) as LinearAttention<"dt" | "decay">;
}
