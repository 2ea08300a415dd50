import { mask, type Attention, type Mask, type Score } from "@saccade/core";
import {
  bandOf,
  plainTurning,
  softmaxAttention,
  type Retention,
  type Rotary,
  type Turning,
  type Visibility,
} from "@saccade/core/variants";
import { checkOptions } from "./check-options.ts";
import { windowSchedule, type WindowShape } from "./window-schedule.ts";

export interface SlidingWindowOptions {
  /** W: keys that a query sees, itself included: q - k < W. W = 1 sees only itself. */
  readonly window: number;
  /** Hide keys after the query's own position. Without: abs(q - k) < W, W keys to either side. Default true. */
  readonly causal?: boolean | undefined;
  /** The first keys, which stay visible. Default 0. */
  readonly sinks?: number | undefined;
  /** [H] logits in the softmax's denominator that belong to no key (gpt-oss). Default: none. */
  readonly learnedSinks?: ArrayLike<number> | undefined;
  /** d: only every d-th key is seen, (q - k) % d == 0, W of them: q - k < W d. Default 1. */
  readonly dilation?: number | undefined;
  /** [H] a window for every query head, instead of `window`. */
  readonly perHeadWindow?: ArrayLike<number> | undefined;
  /** Turns queries and keys, which come unturned. `rope()` of @saccade/positions makes one. Default: they are taken as they are. */
  readonly rotary?: Rotary | undefined;
  /**
   * How distances are counted where `rotary` turns: `"text"` by places in the text; `"cache"` as in StreamingLLM by places in a cache of
   * sinks and window, so that no distance ever exceeds sinks + W. Default "text".
   */
  readonly positions?: "text" | "cache" | undefined;
  /** Factor on q . k. Default 1/sqrt(D). */
  readonly scale?: number | undefined;
  /** c > 0 bounds scores smoothly: c tanh(s / c). Default: none. */
  readonly softcap?: number | undefined;
  /** What becomes of a scaled and capped score: ALiBi, a relative bias, ... Default: nothing. */
  readonly score?: Score | undefined;
}

/**
 * Softmax attention inside a window. Query at position q sees key k when
 *
 * ```text
 *   causal       0 <= q - k < W d   and (q - k) % d == 0,   or k < sinks and k <= q
 *   two-sided    abs(q - k) < W d   and (q - k) % d == 0,   or k < sinks
 * ```
 *
 * with d = 1 without dilation. Time follows the visible pairs, memory beyond inputs and output does not grow with length, and a decoder
 * keeps sinks + (W - 1) d + 1 + `rewindable` keys whatever the length.
 *
 * Windows as in Mistral and Gemma; sinks as in StreamingLLM (Xiao et al. 2023), also with positions inside the cache, by two rotations of
 * the query; learned sinks as in gpt-oss; dilation as in Longformer and LongNet.
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example
 * const attend = slidingWindow({ window: 1024, sinks: 4 });
 * const { out } = await attend.forward({ q, k, v });
 */
export function slidingWindow(options: SlidingWindowOptions): Attention {
  const { causal = true, sinks = 0, dilation = 1, positions = "text" } = options;
  const { window, perHeadWindow, learnedSinks, rotary, scale, softcap = 0, score } = options;
  checkOptions(options);
  const windows = perHeadWindow === undefined ? [window] : Array.from(perHeadWindow);
  const shape: WindowShape = { windows, causal, sinks, dilation };
  const inCache = rotary !== undefined && positions === "cache" && sinks > 0;
  return softmaxAttention({
    name: "slidingWindow",
    selection: "static",
    visibility: visibilityOf(shape),
    turning: rotary && (inCache ? cacheTurning(rotary, sinks + window) : plainTurning(rotary)),
    operandOf: inCache ? (_, k) => (k < sinks ? 1 : 0) : undefined,
    retention: retentionOf(shape),
    score,
    scale,
    softcap,
    learnedSinks: learnedSinks && Float32Array.from(learnedSinks),
    schedule: (sizes, at, pairTerms) => windowSchedule(sizes, at, shape, { pairTerms, sinkOperand: inCache ? 1 : 0 }),
  });
}

function visibilityOf({ windows, causal, sinks, dilation: d }: WindowShape): Visibility {
  const spans = Int32Array.from(windows, (window) => (window - 1) * d);
  // One number for all heads is simpler to prove and to read.
  const span: Mask = spans.length === 1 ? mask`abs(q - k) <= ${spans[0]!}` : mask`abs(q - k) <= ${spans}[h]`;
  const near: Mask = d === 1 ? span : mask`${span} && (q - k) % ${d} == 0`;
  const seen: Mask = sinks === 0 ? near : mask`${near} || k < ${sinks}`;
  const { ahead, back, rest } = bandOf(causal ? mask`k <= q && (${seen})` : seen);
  return { reach: { ahead, back }, mask: rest };
}

function retentionOf({ windows, sinks, dilation }: WindowShape): Retention {
  return { sinks, recent: (Math.max(...windows, 1) - 1) * dilation + 1 };
}

/**
 * Keys of the window keep their distance when sinks and window move together in a cache; a query's distance to a sink is what its own place
 * in that cache makes it, at most `size` - 1.
 */
function cacheTurning(rotary: Rotary, size: number): Turning {
  const text = (position: number): number => position;
  const cache = (position: number): number => Math.min(position, size - 1);
  return { rotary, key: text, queries: [text, cache] };
}
