import { type Mask, parseMask } from "@saccade/core";
import { type ArgDef, type ArgsDef, type CommandDef, defineCommand } from "citty";
import { UsageError } from "../settings/usage-error.ts";
import { readFlags, wholeNumber } from "./flags.ts";

type MaskFlag = "expression" | "size" | "queries" | "keys" | "offset" | "batch" | "head";

const MASK_ARGS: Readonly<Record<MaskFlag, ArgDef>> = {
  expression: {
    type: "positional",
    required: false,
    description: "over q, k, b and h, as in: saccade mask 'q >= k && q - k < 4'",
  },
  size: { type: "string", default: "16", valueHint: "N", description: "queries and keys to draw" },
  queries: { type: "string", valueHint: "N", description: "rows, where they are not as many as columns" },
  keys: { type: "string", valueHint: "M", description: "columns" },
  offset: {
    type: "string",
    valueHint: "P",
    description: "position of the first query; by default the last meets the last key",
  },
  batch: { type: "string", default: "0", valueHint: "B", description: "what b is" },
  head: { type: "string", default: "0", valueHint: "H", description: "what h is" },
};

/** `saccade mask EXPRESSION`: draws which pairs a mask shows. */
export const maskCommand: CommandDef = defineCommand({
  meta: { name: "mask", description: "Draws which pairs of query and key a mask shows" },
  args: MASK_ARGS as ArgsDef,
  run({ args }) {
    const [expression, ...stray] = args._;
    const flags = readFlags({ ...args, _: stray }, MASK_ARGS);
    if (expression === undefined) throw new UsageError("mask expects an expression, as in 'q >= k && q - k < 4'");
    const number = (flag: MaskFlag, least: number): number | undefined => {
      const text = flags.text(flag);
      return text === undefined ? undefined : wholeNumber(flag, text, least);
    };
    const size = number("size", 1);
    const drawing = parsed(expression).draw({
      queries: number("queries", 1) ?? size,
      keys: number("keys", 1) ?? size,
      queryOffset: position(flags.text("offset")),
      batch: number("batch", 0),
      head: number("head", 0),
    });
    process.stdout.write(`${drawing}\n`);
  },
});

function parsed(expression: string): Mask {
  try {
    return parseMask(expression);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** May be negative, unlike other whole numbers. */
function position(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return text.startsWith("-") ? -wholeNumber("offset", text.slice(1), 0) : wholeNumber("offset", text, 0);
}
