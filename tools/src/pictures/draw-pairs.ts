import { tensor, type AttentionInputs, type ReferenceResult, type Tensor } from "@saccade/core";

/** What draws: its definition says which pairs it shows. */
export interface Drawn<I extends AttentionInputs = AttentionInputs> {
  reference(inputs: I): Pick<ReferenceResult, "out">;
}

/** The identity as values: the weights of a row are then its output. */
function identity(heads: number, keys: number): Tensor {
  const data = new Float32Array(heads * keys * keys);
  for (let row = 0; row < heads * keys; row++) data[row * keys + (row % keys)] = 1;
  return tensor(data, { shape: [1, heads, keys, keys] });
}

/**
 * Which pairs get any weight by the definition of an attention, as rows of booleans for a query head.
 *
 * @param inputs [1, H, N, D] queries and keys; every query looks at as many keys.
 */
export function pairsOf<I extends AttentionInputs>(
  attend: Drawn<I>,
  inputs: Omit<I, "v"> & Pick<AttentionInputs, "q" | "k">,
  head: number,
): boolean[][] {
  const { length: keys, heads } = inputs.k;
  const queries = inputs.q.length;
  const { out } = attend.reference({ ...inputs, v: identity(heads, keys) } as unknown as I);
  return Array.from({ length: queries }, (_, i) => {
    const row = (head * queries + i) * keys;
    return Array.from(out.subarray(row, row + keys), (weight) => weight > 0);
  });
}

/** Pixels of a pair. */
const CELL = 4;
const MARGIN = 14;

/**
 * A drawing of pairs: queries are rows, keys are columns, both from 0 at the top left. Colours are those that can be read on light and dark
 * pages.
 */
export function drawPairs(title: string, pairs: readonly (readonly boolean[])[]): string {
  const [rows, columns] = [pairs.length, pairs[0]?.length ?? 0];
  const [width, height] = [columns * CELL, rows * CELL];
  const path = pairs.flatMap((row, i) =>
    runsOf(row).map(([from, to]) => `M${from * CELL} ${i * CELL}h${(to - from) * CELL}v${CELL}h${(from - to) * CELL}z`),
  );
  const count = pairs.reduce((sum, row) => sum + row.filter(Boolean).length, 0);
  const text = `${title}: ${count} of ${rows * columns} pairs`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width + MARGIN + 1}" height="${height + MARGIN + 1}" viewBox="${-MARGIN} ${-MARGIN} ${width + MARGIN + 1} ${height + MARGIN + 1}" role="img">`,
    `<title>${escaped(text)}</title>`,
    `<g font-family="sans-serif" font-size="10" fill="#888"><text x="0" y="-4">keys</text><text x="4" y="0" transform="rotate(90)">queries</text></g>`,
    `<rect x="-0.5" y="-0.5" width="${width + 1}" height="${height + 1}" fill="none" stroke="#888"/>`,
    `<path fill="#3b82c4" d="${path.join("")}"/>`,
    "</svg>",
    "",
  ].join("\n");
}

function runsOf(row: readonly boolean[]): [from: number, to: number][] {
  const runs: [number, number][] = [];
  for (let from = 0; from < row.length;) {
    let to = from;
    while (to < row.length && row[to] === row[from]) to++;
    if (row[from] === true) runs.push([from, to]);
    from = to;
  }
  return runs;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
