import type { Candidate } from "../catalogue/candidate.ts";
import type { EvidenceCell, Metric } from "./evidence.ts";
import type { MeasuredAccuracy } from "./measure-accuracy.ts";
import type { WholeRequest } from "./request.ts";

/** What is known of how well a variant does, and from where. */
export interface AccuracyStatement {
  /** On the caller's queries, keys and values; by a cell of a study; or not at all. */
  readonly source: "measured" | "from study" | "unknown";
  /** One sentence. */
  readonly text: string;
  /** What the number is of. */
  readonly metric?: string;
  /** 0..1, the more the better, but for relative errors. */
  readonly value?: number;
  /** What dense attention has by the same metric, where it is known. */
  readonly dense?: number;
  /** The cell that says so. */
  readonly cell?: Pick<EvidenceCell, "file" | "variant" | "input" | "length">;
}

/** What candidates are ordered by. */
export interface Judgement {
  readonly statements: readonly AccuracyStatement[];
  /** 0..1: the share of what dense attention reaches that this one does. undefined where nothing is known. */
  readonly quality: number | undefined;
}

/** What tells whether attention can do a task. */
const METRICS: Readonly<Record<WholeRequest["task"], readonly Metric[]>> = {
  local: ["near retrieval"],
  retrieval: ["needles", "far retrieval"],
  aggregation: ["tasks", "cosine"],
  mixed: ["near retrieval", "needles", "tasks"],
};

/** All that is known of a candidate for this request. */
export function judge(
  candidate: Candidate,
  request: WholeRequest,
  evidence: readonly EvidenceCell[],
  measured: MeasuredAccuracy | undefined,
): Judgement {
  const statements: AccuracyStatement[] = [];
  const qualities: number[] = [];
  if (measured !== undefined) {
    statements.push(...measuredStatements(measured));
    qualities.push(measured.massRecall ?? Math.max(0, 1 - measured.relativeError));
  }
  // What a variant that must be trained does untrained says nothing.
  if (!candidate.needsTraining) {
    const shares = METRICS[request.task].flatMap((metric) => {
      const found = fromStudy(candidate.id, metric, request.seqLen, evidence);
      if (found === undefined) return [];
      statements.push(found.statement);
      return [found.share];
    });
    // A task is done as well as the worst of what it takes.
    if (shares.length > 0) qualities.push(Math.min(...shares));
  }
  if (statements.length === 0) statements.push({ source: "unknown", text: unknownText(candidate) });
  return { statements, quality: qualities.length === 0 ? undefined : Math.min(...qualities) };
}

function measuredStatements({ massRecall, relativeError, rows, tokens }: MeasuredAccuracy): AccuracyStatement[] {
  const where = `on ${rows} rows of your ${tokens} tokens`;
  const error: AccuracyStatement = {
    source: "measured",
    text: `outputs are off by ${percent(relativeError)} of their length ${where}`,
    metric: "relative error",
    value: relativeError,
  };
  if (massRecall === undefined) return [error];
  const text = `keeps ${percent(massRecall)} of dense attention's mass ${where}`;
  return [{ source: "measured", text, metric: "mass recall", value: massRecall }, error];
}

/** The shortest of this variant's cells that are at least as long, else the longest: what a variant misses, it misses more of in longer texts. */
function fromStudy(
  id: string,
  metric: Metric,
  length: number,
  evidence: readonly EvidenceCell[],
): { readonly statement: AccuracyStatement; readonly share: number } | undefined {
  const cells = evidence
    .filter((each) => each.variant === id && each.scores[metric] !== undefined)
    .toSorted((a, b) => a.length - b.length);
  const cell = cells.find((each) => each.length >= length) ?? cells.at(-1);
  if (cell === undefined) return undefined;
  const value = cell.scores[metric]!;
  const dense = evidence.find(
    (each) => each.variant === "dense" && each.input === cell.input && each.length === cell.length,
  )?.scores[metric];
  const beside = dense === undefined || id === "dense" ? "" : `, dense attention ${percent(dense)}`;
  const { file, variant, input } = cell;
  return {
    statement: {
      source: "from study",
      text: `${metric}: ${percent(value)} at ${cell.length} tokens${beside} (${file}: ${variant}, ${input})`,
      ...{ metric, value },
      ...(dense !== undefined && { dense }),
      cell: { file, variant, input, length: cell.length },
    },
    share: dense === undefined ? value : dense === 0 ? 1 : Math.min(1, value / dense),
  };
}

function unknownText({ exact, needsTraining }: Candidate): string {
  if (exact) return "dense attention itself; no study says how well that does";
  if (needsTraining) return "depends on weights that are trained with it";
  return "no study has these settings; measure them on your own queries, keys and values";
}

/** 42%, 0.5%, 99.7% */
export function percent(share: number): string {
  const hundredths = 100 * share;
  return `${hundredths > 10 && hundredths < 99 ? Math.round(hundredths) : Number(hundredths.toPrecision(3))}%`;
}
