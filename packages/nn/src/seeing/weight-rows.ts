import { definitionOf } from "@saccade/core/variants";
import { rowsStandAlone, type Attending, type MapInputs, type SeeingOptions } from "./attending.ts";
import { definedRows } from "./defined-rows.ts";
import { probedRows } from "./probed-rows.ts";
import type { WantedRows, WeightRow } from "./wanted-rows.ts";

/**
 * Weights of chosen queries, row by row and exact. Attentions of core and of its packages whose rows are one softmax say what their scores
 * are; all others are asked for their output with values of which each number belongs to one key.
 */
export function weightRows<I extends MapInputs>(
  where: string,
  attention: Attending<I>,
  inputs: I,
  wanted: Omit<WantedRows, "alone" | "batch"> & SeeingOptions,
): AsyncGenerator<WeightRow> {
  const definition = definitionOf(attention);
  const rows = { ...wanted, batch: wanted.batch ?? 0, alone: rowsStandAlone(where, attention, inputs, wanted.alone) };
  return definition === undefined
    ? probedRows(attention, inputs, rows)
    : definedRows(where, definition, inputs, rows, attention.selection === "static");
}
