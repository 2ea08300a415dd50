import type { AttentionInputs, Tensor } from "@saccade/core";
import type { SelectedBlocks, SelectingCall } from "@saccade/core/variants";
import { ascendingLists, row } from "./exact-rows.ts";
import { selectedOf, type PastSizes } from "./past-lists.ts";

/** The choice of `pageSelect` by its definition, in float64. */
export function exactPages(
  { shape, q, k, positions }: SelectingCall<AttentionInputs>,
  sizes: PastSizes,
): SelectedBlocks {
  const { batch, heads, kvHeads, queries } = shape;
  const { blockSize, topK } = sizes;
  const choosers = shape[sizes.choosers];
  const group = heads / choosers;
  const lists = Array.from({ length: batch * choosers }, (_empty, list) => {
    const [b, chooser] = [Math.floor(list / choosers), list % choosers];
    const pages = pagesOf(k, b, Math.floor((chooser * group) / (heads / kvHeads)), positions.keyLength[b]!, blockSize);
    return ascendingLists(queries, (i) => {
      const own = Math.floor((i + positions.queryOffset[b]!) / blockSize);
      const rows = Array.from({ length: group }, (_, j) => row(q, b, chooser * group + j, i));
      const bounds = pages
        .map((page, index) => ({
          index,
          bound: index === own ? Infinity : Math.max(...rows.map((x) => bound(x, page))),
        }))
        .filter((page) => page.index <= own);
      bounds.sort((x, y) => y.bound - x.bound || x.index - y.index);
      return bounds.slice(0, topK).map(({ index }) => index);
    });
  });
  return selectedOf(lists, shape, sizes);
}

interface Page {
  readonly least: Float64Array;
  readonly most: Float64Array;
}

function pagesOf(k: Tensor, b: number, g: number, length: number, pageSize: number): Page[] {
  const pages: Page[] = [];
  for (let first = 0; first < length; first += pageSize) {
    const [least, most] = [new Float64Array(k.width).fill(Infinity), new Float64Array(k.width).fill(-Infinity)];
    for (let key = first; key < Math.min(length, first + pageSize); key++) {
      row(k, b, g, key).forEach((x, d) => {
        least[d] = Math.min(least[d]!, x);
        most[d] = Math.max(most[d]!, x);
      });
    }
    pages.push({ least, most });
  }
  return pages;
}

function bound(q: Float64Array, { least, most }: Page): number {
  return q.reduce((sum, x, d) => sum + Math.max(x * least[d]!, x * most[d]!), 0);
}
