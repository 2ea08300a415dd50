import type { LinearAttention } from "@saccade/core";
import { linearAttention, recurrenceVariant } from "@saccade/core/variants";
import { checkHeadCount, perRootOfWidth, scaleOf } from "./checks.ts";
import type { ScaleOption } from "./common-options.ts";
import { PLAIN, taken } from "./plain-operands.ts";

/** A variant whose decay is a number for each value head. */
export function decayedByHead({
  name,
  scale,
  causal,
  option,
  logs,
}: ScaleOption & {
  readonly name: string;
  readonly causal: boolean;
  /** The option that has a number for each head, where there is one. */
  readonly option: { readonly what: string; readonly count: number } | undefined;
  /** Natural logarithms, [V]. */
  readonly logs: (valueHeads: number) => Float64Array;
}): LinearAttention {
  return linearAttention(
    recurrenceVariant({
      ...PLAIN,
      name,
      gates: [],
      causal,
      scale: scaleOf(name, scale, perRootOfWidth),
      headDecay: logs,
      check(where, { valueHeads }) {
        if (option !== undefined) checkHeadCount(where, option.what, option.count, valueHeads);
      },
      operands: taken(({ v }) => ({ decay: { kind: "head", log: logs(v.heads) } })),
    }),
  );
}
