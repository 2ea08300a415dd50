import type { SymbolType } from "@observablehq/plot";
import type { CellRecord } from "../cells/record.ts";
import type { StudyResults } from "./results.ts";

/** How a variant looks in every chart. Colour is never the only difference: shape, dashes and labels say the same. */
export interface Appearance {
  /** A custom property of the page, which has another value on dark pages. */
  readonly color: string;
  readonly symbol: SymbolType;
  /** Variants that need training are hollow and dashed: they are shown, never ranked. */
  readonly hollow: boolean;
  /** Of lines, by runtime. */
  readonly dashes: string | undefined;
}

/**
 * Colours on light and on dark pages, after Okabe and Ito's palette for all kinds of colour vision; darkened and lightened to a contrast of
 * at least 3 with the page.
 */
export const PALETTE: readonly { readonly light: string; readonly dark: string }[] = [
  { light: "#222222", dark: "#ececec" },
  { light: "#0072b2", dark: "#5aaef0" },
  { light: "#d55e00", dark: "#ff8a4c" },
  { light: "#00815e", dark: "#2fc79b" },
  { light: "#b3589a", dark: "#e58cc7" },
  { light: "#8f6b00", dark: "#e3c34a" },
  { light: "#3391cf", dark: "#a5deff" },
  { light: "#6a3d9a", dark: "#b79cff" },
];

// As many as have no common factor with the number of colours besides dense attention's, so that 42 variants differ.
const SYMBOLS: readonly SymbolType[] = ["square", "triangle", "diamond", "wye", "star", "cross"];

const RUNTIME_DASHES = [undefined, "7 3", "2 2", "8 3 2 3"];

export function appearanceOf(
  { study }: StudyResults,
  { variant, runtime }: Pick<CellRecord, "variant" | "runtime">,
): Appearance {
  const isDense = (id: string): boolean => study.variants[id]?.family === "dense";
  const hollow = study.variants[variant]?.needsTraining === true;
  const runtimeAt = study.grid.runtimes.indexOf(runtime);
  const dashes = RUNTIME_DASHES[runtimeAt % RUNTIME_DASHES.length] ?? (hollow ? "5 3" : undefined);
  // What all others are compared with has a look of its own.
  if (isDense(variant)) return { color: "var(--series-0)", symbol: "circle", hollow, dashes };
  const others = study.grid.variants.filter((id) => !isDense(id));
  const at = Math.max(0, others.indexOf(variant));
  const symbol = SYMBOLS[at % SYMBOLS.length] ?? "square";
  return { color: `var(--series-${1 + (at % (PALETTE.length - 1))})`, symbol, hollow, dashes };
}
