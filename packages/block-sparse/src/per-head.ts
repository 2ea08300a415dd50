import { and, mask, or, type Attention, type Mask } from "@saccade/core";
import { Mask as MaskClass, type Reach, type Retention, type Visibility } from "@saccade/core/variants";
import { shown } from "./checks.ts";
import type { CommonOptions } from "./common-options.ts";
import { attentionOfPattern, type HeadPattern } from "./head-pattern.ts";
import { maskPattern, patternAttention, patternOf, type Pattern } from "./pattern.ts";
import { perHeadSchedule } from "./per-head-schedule.ts";

/**
 * A pattern for every query head: head h sees what entry h shows. DuoAttention's retrieval heads see everything and its streaming heads sinks and a
 * window; MInference chooses a shape for every head.
 *
 * Heads of one group may differ; where they do not, their rows share tiles. Time is the sum of the heads' own. A decoder keeps what
 * any head can see again: all keys, unless every pattern is a window.
 *
 * Source: Xiao et al. 2024 (DuoAttention), Jiang et al. 2024 (MInference).
 *
 * @param entries [H] attentions made by this package with patterns and nothing else (`blockSparse`, `aShape`, ...), masks, or what `searchPattern`
 * found. Options of scores belong to `perHead` itself.
 * @throws TypeError when an entry is something else. A call throws RangeError when it has another number of heads.
 * @example
 * const streaming = aShape({ sinks: 64, recent: 256 });
 * perHead([mask`k <= q`, streaming, streaming, mask`k <= q`])
 */
export function perHead(entries: readonly (Attention | Mask | HeadPattern)[], options: CommonOptions = {}): Attention {
  if (!Array.isArray(entries) || entries.length === 0) {
    throw new TypeError(`perHead: entries is ${shown(entries)}, expected a pattern for every query head`);
  }
  const known = new Map<unknown, Pattern>();
  const perEntry = entries.map((entry: Attention | Mask | HeadPattern, h) => {
    let pattern = known.get(entry);
    if (pattern === undefined) known.set(entry, (pattern = entryPattern(entry, h)));
    return pattern;
  });
  const patterns = [...new Set(perEntry)];
  const numbers = Int32Array.from(perEntry, (pattern) => patterns.indexOf(pattern));
  const pattern: Pattern = {
    name: "perHead",
    visibility: joinedVisibility(patterns, numbers),
    retention: joinedRetention(patterns),
    schedule: perHeadSchedule(patterns, numbers),
  };
  return patternAttention(pattern, options);
}

function entryPattern(entry: Attention | Mask | HeadPattern, h: number): Pattern {
  if (entry instanceof MaskClass) return maskPattern("perHead", entry);
  const isObject = typeof entry === "object" && entry !== null;
  if (isObject && "kind" in entry) return patternOf(attentionOfPattern(`perHead: entry ${h}`, entry))!;
  const pattern = isObject ? patternOf(entry) : undefined;
  if (pattern !== undefined) return pattern;
  throw new TypeError(
    `perHead: entry ${h} is ${shown(entry)}, expected a mask or an attention of this package without options of scores`,
  );
}

function joinedVisibility(patterns: readonly Pattern[], numbers: Int32Array): Visibility {
  if (patterns.length === 1) return patterns[0]!.visibility;
  const all = patterns.map(({ visibility }) => visibility);
  const ahead = Math.max(...all.map(({ reach }) => reach.ahead));
  const back = Math.max(...all.map(({ reach }) => reach.back));
  const parts = all.map((each, i) => {
    return and(mask`${numbers}[h] == ${i}`, reachMask(each.reach), each.mask ?? and());
  });
  const listed = all.some((each) => each.listed !== undefined)
    ? (q: number, k: number, b: number, h: number): boolean => all[numbers[h]!]!.listed?.(q, k, b, h) ?? true
    : undefined;
  return { reach: { ahead, back }, mask: or(...parts), listed };
}

/** The pairs within reach, as a mask. */
function reachMask({ ahead, back, chunk }: Reach): Mask {
  const bounds: Mask[] = [];
  if (ahead !== Infinity) bounds.push(mask`k - q <= ${ahead}`);
  if (back !== Infinity) bounds.push(mask`q - k <= ${back}`);
  if (chunk !== undefined) {
    const { length, shift, behind } = chunk;
    bounds.push(mask`k >= floor((q + ${shift}) / ${length}) * ${length} - ${shift + behind}`);
  }
  return and(...bounds);
}

function joinedRetention(patterns: readonly Pattern[]): Retention | undefined {
  let [sinks, recent] = [0, 0];
  for (const { retention } of patterns) {
    if (retention === undefined) return undefined;
    sinks = Math.max(sinks, retention.sinks);
    recent = Math.max(recent, retention.recent);
  }
  return { sinks, recent };
}
