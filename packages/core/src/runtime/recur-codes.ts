import type { Decay, RecurrenceMode, RecurrenceShape, WriteRule } from "../recurrence/recurrence.ts";

/** Numbers of the settings of a recurrence in kernels: `DECAY_*`, `RULE_*` and `RECUR_*` in recurrence.h. */
export const DECAY_CODE: Readonly<Record<Decay["kind"], number>> = { none: 0, head: 1, token: 2, channel: 3 };
export const RULE_CODE: Readonly<Record<WriteRule["kind"], number>> = { additive: 0, delta: 1, general: 2 };
export const MODE_CODE: Readonly<Record<RecurrenceMode, number>> = { "write-and-read": 0, write: 1, read: 2 };

/** Widths of panels of a state's columns, widest first: each panel prepares its tokens anew. */
const PANELS = [128, 64, 32, 16] as const;

/** Columns of a state that are one item of work: as many as leave an item for every thread. Columns have the same bits in any panel. */
export function panelColumns({ batch, valueHeads, valueDim }: RecurrenceShape, threads: number): number {
  const enough = PANELS.find((columns) => batch * valueHeads * Math.ceil(valueDim / columns) >= threads);
  return enough ?? PANELS[PANELS.length - 1]!;
}

/** Items of work. */
export function panelCount({ batch, valueHeads, valueDim }: RecurrenceShape, columns: number): number {
  return batch * valueHeads * Math.ceil(valueDim / columns);
}

/** Floating-point operations: two products with the state for a token, three where the rule reads it, four where it writes twice. */
export function recurrenceFlops(
  { batch, heads, valueHeads, tokens, headDim, valueDim }: RecurrenceShape,
  rule: WriteRule,
): number {
  const writes = { additive: 1, delta: 2, general: 3 }[rule.kind];
  return 2 * batch * tokens * headDim * valueDim * (Math.max(heads, valueHeads) + writes * valueHeads);
}
