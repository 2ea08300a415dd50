import type { ReferenceJob } from "../reference.ts";
import { visibilitySchedule } from "../schedule/mask-schedule.ts";
import { checkSize } from "../shape.ts";
import { cut, partOf, type CallPart } from "./call-part.ts";
import { attend, type Steps } from "./steps.ts";

/** Which queries the selected mass is measured on. */
export interface SampleOptions {
  /** S: queries drawn, without repetition; all where there are fewer. Default 64. */
  readonly samples?: number | undefined;
  /** Default 1. */
  readonly seed?: number | undefined;
}

/** The share of dense attention mass that a selection kept. */
export interface SelectedMass {
  /** [S] the sampled queries, ascending. */
  readonly queries: Int32Array;
  /** [B, H, S] in 0..1: sum of the weights that dense attention gives to the keys that were kept; 1 where there are no keys. */
  readonly shares: Float64Array;
  readonly mean: number;
}

/** S of N queries by a seed, ascending. */
export function sampledQueries(where: string, queries: number, option: true | SampleOptions): Int32Array {
  const { samples = 64, seed = 1 } = option === true ? {} : option;
  checkSize(where, "selectedMass.samples", samples, 1);
  checkSize(where, "selectedMass.seed", seed, 0);
  if (samples >= queries) return Int32Array.from({ length: queries }, (_, i) => i);
  // Floyd: every subset is as likely as any other.
  const drawn = new Set<number>();
  let state = seed >>> 0;
  for (let last = queries - samples; last < queries; last++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const index = Math.floor((state / 2 ** 32) * (last + 1));
    drawn.add(drawn.has(index) ? last : index);
  }
  return Int32Array.from(drawn).sort();
}

/**
 * The dense attention mass that was kept for the sampled queries of a part: e^(lse of the kept keys - lse of all keys), for which each
 * of them meets all keys that it sees.
 *
 * @param call whole, with the visibility of dense attention.
 * @param lse [B, H, N] of the part's batch elements and queries, over the kept keys.
 * @param shares [B, H, S] of the call, written.
 */
export function* measureMass(
  call: ReferenceJob,
  part: CallPart,
  lse: Float32Array,
  sampled: Int32Array,
  shares: Float64Array,
): Steps<void> {
  const { heads } = call.shape;
  const { learnedSinks, bias, mask } = call.scores;
  const pairTerms = bias !== undefined || mask !== undefined;
  const rows = part.queryEnd - part.query;
  for (let s = 0; s < sampled.length; s++) {
    const query = sampled[s]!;
    if (query < part.query || query >= part.queryEnd) continue;
    const row = partOf(call, { ...part, query, queryEnd: query + 1 });
    const dense = new Float32Array(row.shape.batch * heads);
    const scratch = new Float32Array(dense.length * row.shape.valueDim);
    const width = row.shape.valueDim;
    yield* attend({
      ...row,
      out: { ...cut(row.q, { ...part, batch: 0, batchEnd: row.shape.batch }, 0, 1), ...rowsIn(scratch, heads, width) },
      outIsNew: true,
      lse: dense,
      schedule: visibilitySchedule(row.shape, row.positions, call.visibility, pairTerms),
    });
    for (let at = 0; at < dense.length; at++) {
      const [b, h] = [Math.floor(at / heads), at % heads];
      const kept = lse[at * rows + query - part.query]!;
      shares[((part.batch + b) * heads + h) * sampled.length + s] = share(kept, dense[at]!, learnedSinks?.[h]);
    }
  }
}

function rowsIn(data: Float32Array, heads: number, width: number) {
  return { data, offset: 0, width, strides: { b: heads * width, h: width, n: width } } as const;
}

/** Sinks hold mass that belongs to no key. */
function share(kept: number, dense: number, sink = -Infinity): number {
  if (dense === -Infinity || dense <= sink) return 1;
  const none = Math.exp(sink - dense);
  return Math.min(1, Math.max(0, (Math.exp(kept - dense) - none) / (1 - none)));
}

export function massOf(queries: Int32Array, shares: Float64Array): SelectedMass {
  const mean = shares.length === 0 ? 1 : shares.reduce((sum, each) => sum + each, 0) / shares.length;
  return { queries, shares, mean };
}
