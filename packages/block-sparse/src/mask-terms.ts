import { mask, or, type Mask } from "@saccade/core";
import type { KeyBand } from "./key-bands.ts";
import { marks } from "./positions-list.ts";

/** What fixed patterns are made of; a pair is visible where any of it shows it. */
export interface MaskTerms {
  /** Ascending keys that every query sees. */
  readonly columns?: Int32Array | undefined;
  /** Distances q - k, the farthest first. */
  readonly bands?: readonly KeyBand[] | undefined;
  /** Every distance from this one on. */
  readonly from?: number | undefined;
  /** Stretches of `length` positions: a query sees its own one, or the last `summary` keys of every one, or both. */
  readonly stretch?: { readonly length: number; readonly own: boolean; readonly summary: number } | undefined;
}

/** A distance or an excess over one that no pair has. */
const NEVER: number = 2 ** 30;

/** The mask of terms. */
export function termsMask({ columns, bands = [], from, stretch }: MaskTerms): Mask {
  const parts: Mask[] = [];
  if (columns !== undefined && columns.length > 0) parts.push(mask`${marks(columns)}[k] == 1`);
  if (bands.length === 1) {
    const { near, far } = bands[0]!;
    parts.push(near === -far ? mask`abs(q - k) <= ${far}` : mask`q - k >= ${near} && q - k <= ${far}`);
  } else if (bands.length > 1) {
    const { table, shift } = distanceMarks(bands);
    parts.push(mask`${table}[q - k + ${shift}] == 1`);
  }
  if (from !== undefined) parts.push(mask`q - k >= ${from}`);
  if (stretch !== undefined) {
    const { length, own, summary } = stretch;
    if (own) parts.push(mask`k >= floor(q / ${length}) * ${length}`);
    if (summary > 0) parts.push(mask`k % ${length} >= ${length - summary}`);
  }
  return or(...parts);
}

/**
 * The mask of terms that differ by head, as one expression whose tables begin elsewhere for every head: an expression for every head would
 * have to be evaluated for all of them, and would soon be too long.
 *
 * @param perHead [H]; heads with the same object share their part of the tables.
 */
export function perHeadTermsMask(perHead: readonly MaskTerms[]): Mask {
  const distinct = [...new Set(perHead)];
  const parts: Mask[] = [];
  /** A number for every head, from one for each of the distinct terms. */
  const byHead = (values: readonly number[]): Int32Array =>
    Int32Array.from(perHead, (terms) => values[distinct.indexOf(terms)]!);
  const has = (what: (terms: MaskTerms) => boolean): boolean => distinct.some(what);

  if (has(({ columns }) => columns !== undefined && columns.length > 0)) {
    const { table, starts, lasts } = joined(distinct.map(({ columns = new Int32Array(0) }) => marks(columns)));
    parts.push(mask`${table}[${byHead(starts)}[h] + min(k, ${byHead(lasts)}[h])] == 1`);
  }
  if (has(({ bands = [] }) => bands.length > 0)) {
    const all = distinct.map(({ bands = [] }) => distanceMarks(bands));
    const { table, starts, lasts } = joined(all.map((each) => each.table));
    const shift = byHead(all.map((each) => each.shift));
    parts.push(mask`${table}[${byHead(starts)}[h] + max(0, min(q - k + ${shift}[h], ${byHead(lasts)}[h]))] == 1`);
  }
  if (has(({ from }) => from !== undefined)) {
    parts.push(mask`q - k >= ${byHead(distinct.map(({ from = NEVER }) => from))}[h]`);
  }
  if (has(({ stretch }) => stretch !== undefined)) {
    const length = byHead(distinct.map(({ stretch }) => stretch?.length ?? 1));
    const own = byHead(distinct.map(({ stretch }) => (stretch?.own === true ? 0 : NEVER)));
    const rest = byHead(distinct.map(({ stretch }) => (stretch === undefined ? 1 : stretch.length - stretch.summary)));
    parts.push(mask`k >= floor(q / ${length}[h]) * ${length}[h] + ${own}[h]`, mask`k % ${length}[h] >= ${rest}[h]`);
  }
  return or(...parts);
}

/** A table of distances with 0 at both ends, and what to add to a distance. */
function distanceMarks(bands: readonly KeyBand[]): { readonly table: Uint8Array; readonly shift: number } {
  if (bands.length === 0) return { table: new Uint8Array(1), shift: 0 };
  const shift = 1 - bands.at(-1)!.near;
  const table = new Uint8Array(bands[0]!.far + shift + 2);
  for (const { near, far } of bands) table.fill(1, near + shift, far + shift + 1);
  return { table, shift };
}

/** Tables one after the other: where each begins, and its last index. */
function joined(tables: readonly Uint8Array[]): {
  readonly table: Uint8Array;
  readonly starts: readonly number[];
  readonly lasts: readonly number[];
} {
  const starts: number[] = [];
  let length = 0;
  for (const each of tables) {
    starts.push(length);
    length += each.length;
  }
  const table = new Uint8Array(length);
  for (const [i, each] of tables.entries()) table.set(each, starts[i]);
  return { table, starts, lasts: tables.map((each) => each.length - 1) };
}
