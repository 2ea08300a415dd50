import type { ForwardOptions, Tensor } from "@saccade/core";
import {
  breathe,
  checkCall,
  meanOfKeys,
  run,
  scores,
  sharedRuntime,
  summariseBlocks,
  type ReferenceJob,
  type Steps,
} from "@saccade/core/variants";
import { checkWhole, shown } from "./checks.ts";
import type { BlocksPattern, HeadPattern, VerticalSlashPattern } from "./head-pattern.ts";
import { keptOf, type KeptOf } from "./kept-weights.ts";
import { softmaxRows } from "./softmax-rows.ts";
import { topKInto } from "./top-k.ts";
import { VerticalSlashSums } from "./vertical-slash-lists.ts";

export interface SearchPatternOptions extends Pick<ForwardOptions, "runtime" | "threads" | "signal"> {
  /** Keys that a query sees at most, whatever its pattern. Default 1024. */
  readonly budget?: number | undefined;
  /** C: positions of a block in block patterns, and sinks of the A-shape. Default 64. */
  readonly blockSize?: number | undefined;
  /** Queries at the end that columns and diagonals are found by. Default 64. */
  readonly lastQueries?: number | undefined;
  /** Queries, evenly over the prompt, on which patterns are compared. Default 64. */
  readonly samples?: number | undefined;
  /** Factor on q . k. Default 1/sqrt(D). */
  readonly scale?: number | undefined;
}

/** The pattern of a head, with the share of its dense attention mass that the pattern keeps on the sampled queries. */
export type FoundPattern = HeadPattern & { readonly keptMass: number };

/** The A-shape costs least to run: it is taken where it keeps nearly as much as the best. */
const NEARLY = 0.99;
/** Shares of the budget that columns get. */
const COLUMN_SHARES = [0.25, 0.5, 0.75];

/**
 * Chooses a pattern for every query head, offline: of those that show the same number of keys the one that keeps most of the head's dense
 * attention mass (MInference, Jiang et al. 2024):
 *
 * ```text
 *   A-shape          C sinks and the last budget - C keys
 *   vertical-slash   columns and diagonals from the last queries, as estimateVerticalSlash; a quarter, half or three quarters are columns
 *   blocks           for every block of C queries its own and the budget / C - 1 blocks before it with the largest mean(Q) . mean(K)
 * ```
 *
 * An A-shape that keeps 99% of what the best one does is taken, for it runs fastest.
 *
 * The result is plain data, one entry a head, for `perHead`: found on one prompt, stored as JSON, run on others. Columns, diagonals and
 * blocks are those of this prompt; where they follow the content, keep only the kind and let `estimateVerticalSlash` find them
 * anew. Block patterns have lists for the positions of this prompt and serve no longer ones. Of several batch elements the sums of weights
 * count.
 *
 * It costs the dense softmax of `lastQueries` + `samples` queries, and 2 D operations for every pair of blocks and head.
 *
 * @param q [B, H, N, D]
 * @param k [B, G, N, D] of the same tokens.
 * @throws RangeError or TypeError (as a rejection) when an option or a tensor is not usable.
 * @example
 * const found = await searchPattern(q, k, { budget: 2048 });
 * await writeFile("heads.json", JSON.stringify(found));
 * const attend = perHead(JSON.parse(await readFile("heads.json", "utf8")));
 */
export async function searchPattern(
  q: Tensor,
  k: Tensor,
  options: SearchPatternOptions = {},
): Promise<readonly FoundPattern[]> {
  const where = "searchPattern";
  options.signal?.throwIfAborted();
  const { budget = 1024, blockSize = 64, lastQueries = 64, samples = 64, scale } = options;
  const sizes = {
    blockSize: checkWhole(`${where}: blockSize`, blockSize, 1),
    budget: checkWhole(`${where}: budget`, budget, blockSize + 1),
    lastQueries: checkWhole(`${where}: lastQueries`, lastQueries, 1),
    samples: checkWhole(`${where}: samples`, samples, 1),
  };
  if (scale !== undefined && !Number.isFinite(scale)) {
    throw new RangeError(`${where}: scale is ${shown(scale)}, expected a finite number`);
  }
  const visibility = { reach: { ahead: 0, back: Infinity }, mask: undefined };
  const call = checkCall(where, { visibility, scale, softcap: 0, learnedSinks: undefined }, { q, k, v: k }, false);
  if (q.length !== k.length) {
    throw new RangeError(`${where}: q has N = ${q.length} tokens, k has M = ${k.length}, expected those of one prompt`);
  }
  const choice = options.runtime ?? "auto";
  const runtime = await sharedRuntime(choice);
  return run(search(call, sizes), { where, runtime, choice, options });
}

type SearchSizes = Readonly<Record<"budget" | "blockSize" | "lastQueries" | "samples", number>>;

function* search(call: ReferenceJob, sizes: SearchSizes): Steps<FoundPattern[]> {
  const candidates = yield* candidatesOf(call, sizes);
  const kept = candidates.map((patterns) => patterns.map(() => 0));
  const keptBy: readonly (readonly KeptOf[])[] = candidates.map((patterns) => patterns.map(keptOf));
  const { batch, heads, queries } = call.shape;
  const count = Math.min(sizes.samples, queries);
  for (let b = 0; b < batch; b++) {
    for (let sample = 0; sample < count; sample++) {
      const query = Math.ceil(((sample + 1) * queries) / count) - 1;
      yield* softmaxRows(call, b, query, query + 1, ({ h, position, weights, at, count: keys }) => {
        const row = weights.subarray(at, at + keys);
        keptBy[h]!.forEach((of, index) => (kept[h]![index]! += of(row, position)));
      });
    }
  }
  return Array.from({ length: heads }, (_, h) => {
    const [band, ...others] = kept[h]!;
    const most = Math.max(...others);
    const best = band! >= NEARLY * most ? 0 : 1 + others.indexOf(most);
    return { ...candidates[h]![best]!, keptMass: batch * count === 0 ? 1 : kept[h]![best]! / (batch * count) };
  });
}

/** The patterns that a head may have, [H]. */
function* candidatesOf(call: ReferenceJob, sizes: SearchSizes): Steps<HeadPattern[][]> {
  const { budget, blockSize } = sizes;
  const { batch, heads, queries, keys } = call.shape;
  const sums = Array.from({ length: heads }, () => new VerticalSlashSums(keys, keys));
  for (let b = 0; b < batch; b++) {
    yield* softmaxRows(call, b, Math.max(0, queries - sizes.lastQueries), queries, (row) =>
      sums[row.h]!.add(row.position, row.weights, row.at, row.count),
    );
  }
  const blocks = yield* blockPatterns(call, blockSize, Math.floor(budget / blockSize));
  return sums.map((each, h) => [
    { kind: "aShape", sinks: blockSize, recent: budget - blockSize },
    ...COLUMN_SHARES.map((share): VerticalSlashPattern => {
      const verticals = Math.floor(share * budget);
      return { kind: "verticalSlash", ...each.lists({ verticals, slashes: budget - verticals }) };
    }),
    blocks[h]!,
  ]);
}

/** Blocks of every head by the means of queries and keys, summed over the batch. */
function* blockPatterns(
  { shape, q, k, positions }: ReferenceJob,
  blockSize: number,
  topK: number,
): Steps<BlocksPattern[]> {
  const { batch, heads } = shape;
  const means = yield* summariseBlocks({ shape, k, positions }, blockSize, meanOfKeys);
  const asked = yield* summariseBlocks({ shape: { ...shape, kvHeads: heads }, k: q, positions }, blockSize, meanOfKeys);
  const pooled = yield* scores({ q: asked, k: means });
  const rows = means.length;
  const taken = new Int32Array(topK);
  const patterns: BlocksPattern[] = [];
  for (let h = 0; h < heads; h++) {
    const [starts, keyBlocks]: [number[], number[]] = [[0], []];
    for (let row = 0; row < rows; row++) {
      const gates = new Float32Array(row);
      for (let b = 0; b < batch; b++) {
        const at = ((b * heads + h) * rows + row) * rows;
        for (let block = 0; block < row; block++) gates[block]! += pooled[at + block]!;
      }
      const count = topKInto(gates, 0, row, topK - 1, taken, 0);
      keyBlocks.push(...taken.subarray(0, count), row);
      starts.push(keyBlocks.length);
    }
    patterns.push({ kind: "blocks", blockSize, starts, keyBlocks });
    yield* breathe();
  }
  return patterns;
}
