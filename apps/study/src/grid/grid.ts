import type { CellKey, Grid } from "../cells/record.ts";

/**
 * The cells of a grid in the order in which they run: short ones first, so that their costs foretell those of the long ones. An input has
 * no cells beyond its tokens.
 */
export function cellsOf(grid: Grid): CellKey[] {
  return grid.lengths.flatMap((length) =>
    Object.entries(grid.inputs)
      .filter(([, { maxLength }]) => length <= maxLength)
      .flatMap(([input]) =>
        grid.runtimes.flatMap((runtime) => grid.variants.map((variant) => ({ variant, input, length, runtime }))),
      ),
  );
}

/** A text that is equal for equal cells only. */
export function cellId({ variant, input, length, runtime }: CellKey): string {
  return JSON.stringify([length, input, runtime, variant]);
}

/** What cells of different lengths have in common: their costs foretell each other. */
export function seriesId({ variant, input, runtime }: CellKey): string {
  return JSON.stringify([input, runtime, variant]);
}

/** The first setting in which two grids differ, in words; undefined for equal ones. */
export function differenceOf(a: Grid, b: Grid): string | undefined {
  for (const name of [...Object.keys(a), ...Object.keys(b)] as (keyof Grid)[]) {
    const [one, other] = [a, b].map((grid) => JSON.stringify(grid[name]) ?? "none");
    if (one !== other) return `${name} ${shorten(one!)} and ${shorten(other!)}`;
  }
  return undefined;
}

function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
}
