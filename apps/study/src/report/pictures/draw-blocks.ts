import { html } from "../page/markup.ts";

/** Pixels of a square. */
const SIZE = 3;
const MARGIN = 14;
const LEVELS = 4;

/**
 * A drawing of squares, `shades` [rows, columns] of 0..1: queries are rows, keys are columns, both from 0 at the top left.
 *
 * @param description Read out in place of the image.
 */
export function drawBlocks(shades: ArrayLike<number>, columns: number, description: string): string {
  const rows = shades.length / columns;
  const [width, height] = [columns * SIZE, rows * SIZE];
  const paths = Array.from({ length: LEVELS }, (_, level) => {
    const path: string[] = [];
    for (let row = 0; row < rows; row++) {
      for (const [from, to] of runsOf(shades, row * columns, columns, level + 1)) {
        path.push(`M${from * SIZE} ${row * SIZE}h${(to - from) * SIZE}v${SIZE}h${(from - to) * SIZE}z`);
      }
    }
    return path.length === 0 ? undefined : html`<path opacity="${(level + 1) / LEVELS}" d="${path.join("")}" />`;
  });
  const box = `${-MARGIN} ${-MARGIN} ${width + MARGIN + 1} ${height + MARGIN + 1}`;
  return html`<svg
    class="blocks"
    viewBox="${box}"
    width="${width + MARGIN + 1}"
    height="${height + MARGIN + 1}"
    role="img"
    aria-label="${description}"
  >
    <g font-size="10" fill="var(--muted)">
      <text x="0" y="-4">keys</text>
      <text x="0" y="12" transform="rotate(90)">queries</text>
    </g>
    <rect x="-0.5" y="-0.5" width="${width + 1}" height="${height + 1}" fill="none" stroke="var(--muted)" />
    <g fill="var(--series-1)" shape-rendering="crispEdges">${paths}</g>
  </svg>`.text;
}

/** Runs of a row that have this level, 1 and above. */
function runsOf(
  shades: ArrayLike<number>,
  start: number,
  columns: number,
  level: number,
): [from: number, to: number][] {
  const levelAt = (column: number): number => {
    const shade = shades[start + column] ?? 0;
    return shade < 0.02 ? 0 : Math.min(LEVELS, Math.ceil(shade * LEVELS));
  };
  const runs: [number, number][] = [];
  for (let from = 0; from < columns;) {
    let to = from + 1;
    while (to < columns && levelAt(to) === levelAt(from)) to++;
    if (levelAt(from) === level) runs.push([from, to]);
    from = to;
  }
  return runs;
}
