import type { Entry } from "../entry.ts";
import { CHUNK_ENTRIES } from "./chunk-entries.ts";
import { LINEAR_ENTRIES } from "./linear-entries.ts";
import { PATTERN_ENTRIES } from "./pattern-entries.ts";
import { SELECTING_ENTRIES } from "./selecting-entries.ts";
import { WINDOW_ENTRIES } from "./window-entries.ts";

/** What the catalogue has, in its order. */
export const ENTRIES: readonly Entry[] = [
  ...WINDOW_ENTRIES,
  ...CHUNK_ENTRIES,
  ...PATTERN_ENTRIES,
  ...SELECTING_ENTRIES,
  ...LINEAR_ENTRIES,
];
