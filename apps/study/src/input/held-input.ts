import { scaledSlice } from "../accuracy/scaled-slice.ts";
import type { Input, Slice } from "./input.ts";

/**
 * An input as cells use it: it keeps the slice it made last, so that what is measured in turn on the same heads neither makes nor holds it
 * twice. Variants multiply q . k by 1 / sqrt(D); what else a capture's scale asks for is multiplied into q.
 */
export function heldInput(input: Input): Input {
  let held: { readonly key: string; readonly slice: Slice } | undefined;
  return {
    ...input,
    scale: undefined,
    slice(length, range) {
      const key = JSON.stringify([length, range.first, range.count]);
      if (held?.key !== key) {
        held = undefined; // before the next one is made
        held = { key, slice: scaledSlice(input, length, range) };
      }
      return held.slice;
    },
  };
}
