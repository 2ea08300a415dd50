import type { MeasuredCell } from "../cells/record.ts";
import type { LongestLength } from "../conclusions/longest-length.ts";
import { comparable, type Series, seriesOf } from "../conclusions/series.ts";
import { longestText, power } from "./conclusion-words.ts";
import { totals } from "./figures/needle-figures.ts";
import { machineName, STATUS_WORDS } from "./names.ts";
import type { StudyJson } from "./results.ts";
import { brief, bytes, counted, digits, error, percent, seconds, tokens } from "./units.ts";

/** What a study says, in sentences made of its numbers. */
export function summarize(results: StudyJson): string[] {
  return [
    extent(results),
    ...Object.keys(results.study.grid.inputs).flatMap((input) => {
      const sentences = ofInput(results, input);
      const several = Object.keys(results.study.grid.inputs).length > 1;
      return several ? sentences.map((sentence) => `On ${input}: ${sentence}`) : sentences;
    }),
    ...training(results),
  ];
}

function extent({ study, machines, cells }: StudyJson): string {
  const { variants, lengths, inputs } = study.grid;
  const measured = cells.filter((cell) => cell.status === "measured").length;
  const statuses = cells.filter((cell) => cell.status !== "measured").map((cell) => STATUS_WORDS[cell.status]);
  const reasons = [...new Set(statuses)].map(
    (status) => `${statuses.filter((each) => each === status).length} ${status}`,
  );
  const [shortest, longest] = [lengths[0], lengths.at(-1)];
  const span =
    shortest === longest
      ? `${tokens(shortest ?? 0)} tokens`
      : `${tokens(shortest ?? 0)} to ${tokens(longest ?? 0)} tokens`;
  return (
    `${counted(variants.length, "variant")} at ${counted(lengths.length, "length")} (${span}) on ${counted(Object.keys(inputs).length, "input")} ` +
    `and ${counted(machines.length, "machine")}: ${measured} of ${counted(cells.length, "cell")} measured` +
    `${reasons.length > 0 ? `; the others: ${reasons.join(", ")}` : ""}.`
  );
}

function ofInput(results: StudyJson, input: string): string[] {
  const all = seriesOf(results.cells).filter((series) => series.input === input);
  // What is compared has to come from one machine and runtime: those with the most cells.
  const groups = all.map((series) => all.filter((other) => comparable(series, other)));
  const [series] = groups.toSorted((a, b) => cellsOf(b) - cellsOf(a));
  const [first] = series ?? [];
  if (series === undefined || first === undefined) return [];
  const several = series.length < all.length;
  const machine = results.machines.length > 1 ? machineName(results.machines, first.machine) : undefined;
  const where = [...(results.study.grid.runtimes.length > 1 ? [first.runtime] : []), ...(machine ? [machine] : [])];
  const note = several && where.length > 0 ? [`The next sentences compare what ran on ${where.join(", ")}.`] : [];
  return [
    ...note,
    ...fastest(results, series),
    ...growth(results, first),
    ...crossovers(results, first),
    ...reaches(results, first),
    ...accuracy(results, series),
  ];
}

function cellsOf(series: readonly Series[]): number {
  return series.reduce((sum, each) => sum + each.cells.length, 0);
}

/** Of the longest length that dense attention was measured at. */
function fastest(results: StudyJson, series: readonly Series[]): string[] {
  const dense = series.find((each) => results.study.variants[each.variant]?.family === "dense")?.cells.at(-1);
  if (dense === undefined) return [];
  const others = series.flatMap((each) => each.cells.filter((cell) => cell.length === dense.length && cell !== dense));
  const least = (of: (cell: MeasuredCell) => number): MeasuredCell | undefined =>
    others.toSorted((a, b) => of(a) - of(b))[0];
  const quick = least((cell) => cell.prefill.medianMs);
  if (quick === undefined) return [];
  const cache = least((cell) => cell.decode?.cacheBytes ?? Infinity);
  const [quickMs, denseMs] = [quick.prefill.medianMs, dense.prefill.medianMs];
  const compared =
    quickMs < denseMs
      ? `${digits(denseMs / quickMs)} times as fast as`
      : `${digits(quickMs / denseMs)} times as slow as`;
  return [
    `At ${tokens(dense.length)} tokens the fastest prefill besides dense is ${quick.variant}'s: ${seconds(quickMs)}, ` +
      `${compared} dense (${seconds(denseMs)}).`,
    ...(cache?.decode && dense.decode
      ? [
          `The smallest cache there is ${cache.variant}'s: ${bytes(cache.decode.cacheBytes)} where dense keeps ${bytes(dense.decode.cacheBytes)}.`,
        ]
      : []),
  ];
}

function growth({ conclusions }: StudyJson, like: Series): string[] {
  const laws = conclusions.growth.filter((each) => each.quantity === "time" && comparable(like, each));
  const texts = laws.flatMap(({ variant, law, tail }) => {
    const shown = tail ?? law;
    return shown ? [{ variant, exponent: shown.exponent }] : [];
  });
  if (texts.length === 0) return ["There are too few lengths to say how time grows: an exponent needs three."];
  const sorted = texts
    .toSorted((a, b) => a.exponent - b.exponent)
    .map((each) => `${each.variant} ${power(each.exponent)}`);
  return [`Time grows with length to the power of (over the longer half of the lengths): ${sorted.join(", ")}.`];
}

function crossovers({ study, conclusions }: StudyJson, like: Series): string[] {
  const isDense = (id: string): boolean => study.variants[id]?.family === "dense";
  const found = conclusions.crossovers.filter(
    (each) => each.quantity === "time" && isDense(each.overtaken) && comparable(like, each),
  );
  const texts = found
    .toSorted((a, b) => a.length - b.length)
    .map((each) => `${each.variant} at ${tokens(each.length)}${each.extrapolated ? " (extrapolated)" : ""}`);
  return texts.length > 0 ? [`Dense attention is overtaken in time by ${texts.join(", ")}.`] : [];
}

/** What dense attention reaches within the limits, and how many others reach farther. */
function reaches({ study, conclusions }: StudyJson, like: Series): string[] {
  const { limits } = conclusions;
  const all = conclusions.longest.filter((each) => comparable(like, each));
  const dense = all.find((each) => study.variants[each.variant]?.family === "dense");
  if (dense === undefined) return [];
  const reach = (each: LongestLength): number => (each.kind === "none" ? 0 : each.length);
  const farther = all.filter((each) => reach(each.inBoth) > reach(dense.inBoth)).length;
  return [
    `The longest prefill of dense attention within ${brief(bytes(limits.memoryBytes))} and ${brief(seconds(limits.timeMs))}, in tokens: ` +
      `${longestText(dense.inBoth)}${all.length > 1 ? `; ${farther} of the other ${all.length - 1} go farther` : ""}.`,
  ];
}

/** Of variants that need no training, at the longest length with a number for most of them. */
function accuracy({ study }: StudyJson, series: readonly Series[]): string[] {
  const ranked = series.filter(
    ({ variant }) => !study.variants[variant]?.needsTraining && !study.variants[variant]?.exact,
  );
  const cells = ranked.flatMap((each) => each.cells);
  const closest = bestAt(cells, (cell) => cell.accuracy && -cell.accuracy.relativeL2);
  const finds = bestAt(cells, (cell) => {
    const [found, trials] = totals(cell.needles);
    return trials > 0 ? found / trials : undefined;
  });
  return [
    ...(closest?.accuracy
      ? [
          `Of the variants that are not exact and need no training, ${closest.variant} is closest to dense attention at ${tokens(closest.length)} tokens: ` +
            `relative L2 error ${error(closest.accuracy.relativeL2)}${closest.accuracy.massRecall === undefined ? "" : `, ${percent(closest.accuracy.massRecall)} of the attention mass`}.`,
        ]
      : []),
    ...(finds
      ? [
          `${finds.variant} finds the most needles of them at ${tokens(finds.length)} tokens: ${totals(finds.needles)[0]} of ${totals(finds.needles)[1]}.`,
        ]
      : []),
  ];
}

function bestAt(
  cells: readonly MeasuredCell[],
  of: (cell: MeasuredCell) => number | undefined,
): MeasuredCell | undefined {
  const having = cells.filter((cell) => of(cell) !== undefined);
  const length = Math.max(...having.map((cell) => cell.length));
  return having.filter((cell) => cell.length === length).toSorted((a, b) => (of(b) ?? 0) - (of(a) ?? 0))[0];
}

function training({ study, cells }: StudyJson): string[] {
  const names = study.grid.variants.filter(
    (id) => study.variants[id]?.needsTraining && cells.some((cell) => cell.variant === id),
  );
  if (names.length === 0) return [];
  return [
    `${names.join(", ")} need${names.length === 1 ? "s" : ""} weights that were trained with ${names.length === 1 ? "it" : "them"}: ` +
      "how far they are from softmax attention is shown, and says nothing about their quality. They are not ranked.",
  ];
}
