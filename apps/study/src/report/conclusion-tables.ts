import type { Crossover } from "../conclusions/conclude.ts";
import type { TableData } from "./charts/figure.ts";
import { crossoverText, exponentText, longestText, memoryText, pointsText } from "./conclusion-words.ts";
import { nameOf } from "./names.ts";
import type { StudyJson } from "./results.ts";
import { brief, bytes, seconds } from "./units.ts";

/** A table with a heading and what it says. */
export interface TitledTable extends TableData {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  /** Rows that few ask for, below the others where there is room. */
  readonly more?: TableData & { readonly title: string };
}

/** Growth, crossovers and longest lengths as tables of text. */
export function conclusionTables(results: StudyJson): TitledTable[] {
  return [growthTable(results), crossoverTable(results), longestTable(results)];
}

function inputColumn({ study }: StudyJson): readonly string[] {
  return Object.keys(study.grid.inputs).length > 1 ? ["input"] : [];
}

function growthTable(results: StudyJson): TitledTable {
  const input = inputColumn(results);
  const { growth } = results.conclusions;
  return {
    id: "growth",
    title: "How cost grows",
    caption:
      "Exponents of length: 2 is quadratic, 1 linear. Least squares on the logarithms, with 95% intervals (Student's t). The longer half is half of the " +
      "lengths, four at least: short calls also pay what does not grow. Memory is without the runtime, which does not grow, and from the lengths where it " +
      "is far above noise. Fewer than three lengths have no exponent.",
    head: [...["variant", ...input, "lengths", "time", "time, longer half"], ...["memory", "memory, longer half"]],
    rows: growth
      .filter((each) => each.quantity === "time")
      .map((time) => {
        const memory = growth.find(
          (each) =>
            each.quantity === "memory" &&
            each.variant === time.variant &&
            each.input === time.input &&
            each.runtime === time.runtime &&
            each.machine === time.machine,
        );
        return [
          nameOf(results, time),
          ...input.map(() => time.input),
          pointsText(time),
          exponentText(time.law),
          exponentText(time.tail),
          memoryText(memory?.law, memory, time),
          memoryText(memory?.tail, memory, time),
        ];
      }),
  };
}

function crossoverTable(results: StudyJson): TitledTable {
  const input = inputColumn(results);
  const head = ["overtakes", "what", ...input, "in", "at"];
  const isDense = (id: string): boolean => results.study.variants[id]?.family === "dense";
  const row = (each: Crossover): string[] => [
    nameOf(results, each),
    nameOf(results, { ...each, variant: each.overtaken }),
    ...input.map(() => each.input),
    each.quantity,
    crossoverText(each),
  ];
  const withDense = results.conclusions.crossovers.filter((each) => isDense(each.variant) || isDense(each.overtaken));
  const others = results.conclusions.crossovers.filter((each) => !withDense.includes(each));
  const title = `Between variants other than dense (${others.length})`;
  return {
    id: "crossovers",
    title: "Where one overtakes another",
    caption:
      "In tokens. Interpolated between measured lengths; beyond them by the power laws of the longer half, where their exponents differ by more than chance, " +
      'with the range in which their 95% bands overlap. Values within their margins of error of each other have no order; "equal below" is said where the ' +
      "shorter lengths have none. Pairs without a crossover are not listed.",
    head,
    rows: withDense.map(row),
    ...(others.length > 0 ? { more: { title, head, rows: others.map(row) } } : {}),
  };
}

function longestTable(results: StudyJson): TitledTable {
  const input = inputColumn(results);
  const { limits, longest } = results.conclusions;
  const [memory, time] = [brief(bytes(limits.memoryBytes)), brief(seconds(limits.timeMs))];
  return {
    id: "longest",
    title: "The longest prefill that fits",
    caption:
      `In tokens, within ${memory} beyond the inputs and within ${time}; saccade report --memory GB --seconds S writes it for other ` +
      "limits. Interpolated between measured lengths; beyond them by the power law of the longer half, up to 16 times as far, with the 95% interval of one " +
      "further measurement.",
    head: ["variant", ...input, `in ${memory}`, `in ${time}`, "in both"],
    rows: longest.map((each) => [
      nameOf(results, each),
      ...input.map(() => each.input),
      longestText(each.inMemory),
      longestText(each.inTime),
      longestText(each.inBoth),
    ]),
  };
}
