import { parseVariant, variantId } from "../catalogue/parse-variant.ts";

/** A measured cell of a study, as far as it says how well a variant does. */
export interface EvidenceCell {
  /** Where it stands, for whoever wants to look. */
  readonly file: string;
  readonly variant: string;
  readonly input: string;
  /** Tokens. */
  readonly length: number;
  /** Scores in 0..1 by what they are of. */
  readonly scores: Readonly<Partial<Record<Metric, number>>>;
}

/**
 * - `near retrieval`: how often the output names the token that followed, where its source is near
 * - `far retrieval`: the same where it is more than an eighth of the text away
 * - `needles`: needles found, over all depths
 * - `tasks`: mean score of RULER-like tasks
 * - `cosine`: mean cosine of outputs with dense attention's
 */
export type Metric = "near retrieval" | "far retrieval" | "needles" | "tasks" | "cosine";

/** What is read of a line of `cells.jsonl`; other fields may stand beside. */
interface CellLine {
  readonly record: "cell";
  readonly status: string;
  readonly variant: string;
  readonly input: string;
  readonly length: number;
  readonly accuracy?: { readonly cosine: number };
  readonly retrieval?: Readonly<Record<"scored" | "correct" | "farScored" | "farCorrect", number>>;
  readonly needles?: readonly { readonly trials: number; readonly found: number }[];
  readonly tasks?: readonly { readonly score: number }[];
}

/**
 * Reads what `saccade study` wrote.
 *
 * @param text JSON lines. Lines that are no measured cells, or of variants that the catalogue does not know, say nothing here.
 * @param file as answers cite it.
 * @throws SyntaxError naming the file and the line where it is not JSON.
 */
export function readEvidence(text: string, file: string): readonly EvidenceCell[] {
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    let read: unknown;
    try {
      read = JSON.parse(line);
    } catch (error) {
      throw new SyntaxError(`${file}, line ${index + 1}: ${(error as Error).message}`, { cause: error });
    }
    return isMeasured(read) && isKnown(read.variant) ? [cellOf(read, file)] : [];
  });
}

function isMeasured(line: unknown): line is CellLine {
  if (typeof line !== "object" || line === null) return false;
  const { record, status, variant, length } = line as Partial<CellLine>;
  return record === "cell" && status === "measured" && typeof variant === "string" && typeof length === "number";
}

function isKnown(variant: string): boolean {
  try {
    parseVariant(variant);
    return true;
  } catch {
    return false;
  }
}

function cellOf({ variant, input, length, accuracy, retrieval, needles, tasks }: CellLine, file: string): EvidenceCell {
  const near = retrieval && [retrieval.correct - retrieval.farCorrect, retrieval.scored - retrieval.farScored];
  const scores: Record<string, number | undefined> = {
    "near retrieval": near && share(near[0]!, near[1]!),
    "far retrieval": retrieval && share(retrieval.farCorrect, retrieval.farScored),
    needles: needles && share(sum(needles.map((each) => each.found)), sum(needles.map((each) => each.trials))),
    tasks: tasks && share(sum(tasks.map((each) => each.score)), tasks.length),
    cosine: accuracy && Math.max(0, accuracy.cosine),
  };
  const known = Object.entries(scores).filter(([, score]) => score !== undefined);
  return { file, variant: variantId(parseVariant(variant)), input, length, scores: Object.fromEntries(known) };
}

function share(part: number, of: number): number | undefined {
  return of > 0 ? part / of : undefined;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
