import type { LinearAttention, LinearTokens } from "@saccade/core";
import {
  linearAttention,
  mapRows,
  recurrenceVariant,
  type DecayRows,
  type GateShape,
  type Rows,
  type Scratch,
  type Steps,
} from "@saccade/core/variants";
import { perRootOfWidth, scaleOf } from "./checks.ts";
import type { ScaleOption } from "./common-options.ts";
import { PLAIN } from "./plain-operands.ts";

export interface DeltaOptions extends ScaleOption {
  /** Divide every key by its length (a key of zeros stays). Default false: keys come with length 1. */
  readonly normaliseKeys?: boolean | undefined;
  /** The same for queries. Default false. */
  readonly normaliseQueries?: boolean | undefined;
}

/** A variant with the delta rule, whose decay its gates say. */
export function deltaRule<G extends "beta" | "decay">(
  name: string,
  { scale, normaliseKeys = false, normaliseQueries = false }: DeltaOptions,
  gates: readonly GateShape<G>[],
  decay: (inputs: LinearTokens<G>) => DecayRows,
): LinearAttention<G> {
  return linearAttention(
    recurrenceVariant<G>({
      ...PLAIN,
      name,
      gates,
      scale: scaleOf(name, scale, perRootOfWidth),
      ruleFlops: 2,
      operandBytes: ({ heads, kvHeads, headDim }) =>
        4 * headDim * ((normaliseQueries ? heads : 0) + (normaliseKeys ? kvHeads : 0)),
      *operands({ inputs, mode, scratch }) {
        const { q, k, v } = inputs;
        const { beta } = inputs as unknown as LinearTokens<"beta">;
        return {
          q: normaliseQueries && mode !== "write" ? yield* unitRows(q, scratch, "q") : q,
          k: normaliseKeys ? yield* unitRows(k, scratch, "k") : k,
          v,
          decay: decay(inputs),
          rule: { kind: "delta", beta },
        };
      },
    }),
  );
}

/** Rows of length 1; rows of zeros stay. */
function* unitRows(x: Rows, scratch: Scratch, name: string): Steps<Rows> {
  return yield* mapRows(x, x.width, scratch, name, ({ source, at, target, to }) => {
    let squares = 0;
    for (let d = 0; d < x.width; d++) squares += source[at + d]! * source[at + d]!;
    const factor = squares === 0 ? 0 : 1 / Math.sqrt(squares);
    for (let d = 0; d < x.width; d++) target[to + d] = factor * source[at + d]!;
  });
}
