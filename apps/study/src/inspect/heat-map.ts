import type { HeadInspection, Sighting } from "./inspection.ts";
import { escaped, weightText } from "./markup.ts";

/** Columns of a picture, at most; more keys than that share columns. */
const COLUMNS = 128;
const CELL = 18;
/** Pixels of a letter in labels of 11 pixels, roughly. */
const LETTER = 6.6;
const LONGEST = 16;
/** Weights below this are drawn as seen, and no more. */
const LEAST = 0.002;
/** Of the legend. */
const WEIGHTS = [0.01, 0.1, 0.25, 0.5, 1];

/** What a picture needs beside the weights. */
export interface HeatMapLabels {
  readonly tokens: readonly string[];
  readonly query: number;
  /** A key to mark. */
  readonly expected: number | undefined;
}

/**
 * A head's rows as an SVG: a line a query, a column a key, shaded by the square root of the weight. Pairs that are not seen are left empty.
 * Colours follow the reader's light or dark mode; a title and a description say the same in words.
 */
export function drawHeatMap(head: HeadInspection, sighting: Sighting, labels: HeatMapLabels): string {
  const { rows } = sighting;
  const title = titleOf(head, sighting);
  const perColumn = Math.ceil(rows.keys / COLUMNS);
  const columns = Math.ceil(rows.keys / perColumn);
  const columnLabel = (c: number): string =>
    perColumn === 1 ? labels.tokens[c]! : `${c * perColumn} to ${Math.min(rows.keys, (c + 1) * perColumn) - 1}`;
  const names = rows.queries.map((query) => shortened(labels.tokens[query]!));
  const left = 12 + LETTER * Math.max(...names.map((name) => name.length));
  const above =
    58 + LETTER * 0.8 * Math.max(...Array.from({ length: columns }, (_, c) => shortened(columnLabel(c)).length));
  const width = Math.max(left + CELL * columns + 80, left + 52 * WEIGHTS.length, 24 + 8 * title.length);
  const height = above + CELL * names.length + 46;
  const x = (column: number): number => left + CELL * column;
  const y = (row: number): number => above + CELL * row;
  // Several pictures may stand in one page.
  const id = `map-${sighting.attention.replace(/\W/g, "-")}`;
  const parts: string[] = [];
  for (let c = 0; c < columns; c++) {
    const at = `${x(c) + CELL / 2 + 4} ${above - 6}`;
    const strong = isIn(labels.query, c, perColumn) ? ' class="strong"' : "";
    parts.push(`<text${strong} transform="translate(${at}) rotate(-55)">${escaped(shortened(columnLabel(c)))}</text>`);
  }
  for (const [n, query] of rows.queries.entries()) {
    const strong = query === labels.query ? ' class="strong"' : "";
    parts.push(`<text${strong} x="${left - 6}" y="${y(n) + 13}" text-anchor="end">${escaped(names[n]!)}</text>`);
    parts.push(
      ...cellsOf(rows.weights.subarray(n * rows.keys, (n + 1) * rows.keys), perColumn, x, y(n), (c) =>
        escaped(`${labels.tokens[query]!} looks at ${columnLabel(c)}`),
      ),
    );
  }
  const row = rows.queries.indexOf(labels.query);
  parts.push(
    `<rect class="row" x="${left - 1}" y="${y(row) - 1}" width="${CELL * columns + 1}" height="${CELL + 1}"/>`,
  );
  if (labels.expected !== undefined) {
    const column = Math.floor(labels.expected / perColumn);
    parts.push(
      `<rect class="expected" x="${x(column) - 1}" y="${y(row) - 1}" width="${CELL + 1}" height="${CELL + 1}"/>`,
    );
  }
  parts.push(legend(left, height - 30));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="${id}-title ${id}-text" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<title id="${id}-title">${escaped(title)}</title>`,
    `<desc id="${id}-text">${escaped(describeRow(sighting, labels))}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="paper" width="${width}" height="${height}"/>`,
    `<text class="heading" x="12" y="22">${escaped(title)}</text>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

/** The head and the attention that a picture is of. */
export function titleOf({ layer, head, name }: HeadInspection, { attention }: Pick<Sighting, "attention">): string {
  return `Layer ${layer}, head ${head}${name === String(head) ? "" : ` (${name})`}, ${attention}`;
}

/** What the query's row shows, in words. */
export function describeRow({ top, weights }: Sighting, { tokens, query, expected }: HeatMapLabels): string {
  const best = top.map(({ token, weight }) => `${token} ${weightText(weight)}`).join(", ");
  const each = weights.length <= COLUMNS ? "" : `, ${Math.ceil(weights.length / COLUMNS)} to a column`;
  const looks = `Rows are queries, columns keys${each}. "${tokens[query]}" looks most at: ${best === "" ? "nothing" : best}.`;
  if (expected === undefined) return looks;
  const weight = weights[expected]!;
  const found = weight === 0 ? "is not seen" : `has ${weightText(weight)}`;
  return `${looks} The expected "${tokens[expected]}" ${found}.`;
}

/** One row: what is seen as runs, what counts as cells. */
function cellsOf(
  weights: Float32Array,
  perColumn: number,
  x: (column: number) => number,
  y: number,
  nameOf: (column: number) => string,
): string[] {
  const columns = Math.ceil(weights.length / perColumn);
  const sums = Float64Array.from({ length: columns }, (_, c) =>
    weights.subarray(c * perColumn, (c + 1) * perColumn).reduce((sum, weight) => sum + Math.abs(weight), 0),
  );
  const parts: string[] = [];
  const [size, inner] = [CELL - 1, CELL];
  for (let c = 0; c < columns;) {
    let end = c;
    while (end < columns && sums[end]! > 0) end++;
    if (end > c)
      parts.push(`<rect class="seen" x="${x(c)}" y="${y}" width="${inner * (end - c) - 1}" height="${size}"/>`);
    c = end + 1;
  }
  for (const [c, sum] of sums.entries()) {
    if (sum < LEAST) continue;
    const shade = Math.sqrt(Math.min(1, sum)).toFixed(3);
    parts.push(
      `<rect class="cell" x="${x(c)}" y="${y}" width="${size}" height="${size}" fill-opacity="${shade}"><title>${nameOf(c)}: ${weightText(sum)}</title></rect>`,
    );
  }
  return parts;
}

function legend(x: number, y: number): string {
  const swatches = WEIGHTS.map((weight, n) => {
    const at = x + 52 * n;
    return (
      `<rect class="cell" x="${at}" y="${y}" width="14" height="14" fill-opacity="${Math.sqrt(weight).toFixed(3)}"/>` +
      `<text x="${at + 18}" y="${y + 11}">${weight}</text>`
    );
  });
  return `<g aria-hidden="true">${swatches.join("")}</g>`;
}

function isIn(token: number, column: number, perColumn: number): boolean {
  return Math.floor(token / perColumn) === column;
}

function shortened(label: string): string {
  const line = label.replace(/\s+/g, " ").trim();
  const shown = line === "" ? "\u2423" : line;
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST - 1)}\u2026` : shown;
}

const STYLE = [
  "text{font:11px ui-monospace,monospace;fill:#1f2328}",
  ".heading{font:600 13px system-ui,sans-serif}",
  ".strong{font-weight:700}",
  ".paper{fill:#fff}",
  ".seen{fill:#f3eee8}",
  ".cell{fill:#b4451f}",
  ".row{fill:none;stroke:#57606a}",
  ".expected{fill:none;stroke:#0550ae;stroke-width:2}",
  "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.paper{fill:#0d1117}.seen{fill:#21262d}.cell{fill:#ffa657}",
  ".row{stroke:#9198a1}.expected{stroke:#79c0ff}}",
].join("");
