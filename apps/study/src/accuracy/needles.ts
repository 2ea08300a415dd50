import type { Candidate } from "@saccade/advisor";
import type { MeasureSettings, NeedleDepth } from "../cells/record.ts";
import type { AccuracyContext } from "./accuracy-context.ts";
import { integerAt, seedFor } from "./draws.ts";
import { codeValue, CODES, direction, Haystack, namedCode, SPAN } from "./haystack/haystack.ts";
import { questionPlaces } from "./haystack/question-positions.ts";
import { planRounds, Questioner } from "./haystack/questioner.ts";

/** Tokens by which a needle may lie beside its depth, so that it does not always begin a block. */
const JITTER = 32;
const [TEXT, NAME, CODE, PLACE] = [11, 12, 13, 14];

/** A needle's place by design: where it would start without jitter, and where it is asked for. */
export interface NeedlePlace {
  readonly depth: number;
  readonly start: number;
  readonly question: number;
}

/** Needles of one text: their places, in the order of the depths asked for, tokens of each, and by how much each may be moved. */
export interface NeedlePlaces {
  readonly places: readonly NeedlePlace[];
  readonly span: number;
  readonly jitter: number;
  /** Tokens before the questions. */
  readonly body: number;
}

/**
 * Needles in haystacks (Kamradt 2023), constructed from vectors. Each of `trials` texts hides one needle at every depth: `span` tokens
 * with the same key, and a code as their value. At the end of the text a question of that key's direction is asked for each; the needle is
 * found when the output names its code. The needle of depth d lies about (1 - d) N tokens before its question: the deepest one is asked
 * for first, and the distances come out alike.
 *
 * @returns One entry for each depth asked for, in their order; none where N tokens have no room for so many, or the variant refuses them.
 * `trials` are fewer than asked for where each needs a call of all rows and they would take too long, or time ran out.
 */
export async function measureNeedles(
  candidate: Candidate,
  length: number,
  settings: MeasureSettings,
  context: AccuracyContext,
): Promise<NeedleDepth[]> {
  const layout = needlePlaces(candidate, settings.needleDepths, length);
  const rounds = planRounds(candidate, length, settings.needleTrials, context);
  if (layout === undefined || rounds === undefined) return [];
  const { trials, together } = rounds;
  const found = layout.places.map(() => 0);
  const haystack = new Haystack(length, together);
  const questioner = new Questioner(candidate, haystack, context);
  let done = 0;
  for (let first = 0; first < trials && !context.outOfTime?.(); first += together) {
    // The last texts of a round that are too many are asked about and not counted.
    const texts = Array.from({ length: together }, (_, t) =>
      hideNeedles(haystack, questioner, t, first + t, layout, context),
    );
    const answers = await questioner.ask(
      layout.places.map(({ question }, n) => ({ position: question, directions: texts.map((text) => text[n]!.key) })),
    );
    for (const [n, byText] of answers.entries()) {
      for (const [t, answer] of byText.entries()) {
        if (first + t < trials && namedCode(answer) === texts[t]![n]!.code) found[n]!++;
      }
    }
    done = Math.min(trials, first + together);
  }
  if (done === 0) return [];
  return layout.places.map(({ depth }, n) => ({ depth, trials: done, found: found[n]! }));
}

/** Where needles of N tokens go; undefined where there is no room. */
export function needlePlaces(
  candidate: Pick<Candidate, "selection">,
  depths: readonly number[],
  length: number,
): NeedlePlaces | undefined {
  if (depths.length === 0) return undefined;
  const { questions, body } = questionPlaces(candidate, length, depths.length);
  const descending = depths.toSorted((a, b) => b - a);
  const startOf = (depth: number, span: number): number => Math.round(depth * (body - span));
  const gapAt = (span: number): number => {
    const starts = descending.map((depth) => startOf(depth, span));
    return Math.min(body, ...starts.slice(1).map((start, n) => starts[n]! - start));
  };
  let span = SPAN;
  while (span > 1 && gapAt(span) < 2 * span) span--;
  if (body < 2 || gapAt(span) < span) return undefined;
  const jitter = Math.min(JITTER, Math.floor((gapAt(span) - span) / 2));
  const places = depths.map((depth) => ({
    depth,
    start: startOf(depth, span),
    question: questions[descending.indexOf(depth)]!,
  }));
  return { places, body, span, jitter };
}

/** Makes text number `trial` and hides its needles. Returns key and code of each. */
function hideNeedles(
  haystack: Haystack,
  questioner: Questioner,
  text: number,
  trial: number,
  { places, body, span, jitter }: NeedlePlaces,
  { seed = 1 }: AccuracyContext,
): { readonly key: Float32Array; readonly code: number }[] {
  const [hay, names, codes, moves] = [TEXT, NAME, CODE, PLACE].map((purpose) => seedFor(seed, purpose, trial)) as [
    number,
    number,
    number,
    number,
  ];
  haystack.fill(text, hay);
  questioner.prepare(text, hay);
  const last = body - span;
  return places.map(({ start }, n) => {
    const needle = { key: direction(names, n), code: integerAt(codes, n, CODES) };
    const moved = start - jitter + integerAt(moves, n, 2 * jitter + 1);
    const at = Math.max(0, Math.min(last, moved));
    haystack.hide(text, at, span, { key: needle.key, value: codeValue(needle.code) });
    return needle;
  });
}
