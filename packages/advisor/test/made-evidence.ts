/** Scores of a cell that no study measured. */
export interface MadeScores {
  readonly near?: number;
  readonly far?: number;
  readonly needles?: number;
  readonly tasks?: number;
  readonly cosine?: number;
}

/** Lines as `saccade study` writes them, of cells with these scores by variant. */
export function madeStudy(cells: Readonly<Record<string, MadeScores>>, length = 32_768): string {
  const header = { record: "study", version: 2, name: "made up", gridHash: "0", grid: {}, variants: {}, inputs: {} };
  const lines = Object.entries(cells).map(([variant, { near = 1, far = 1, needles = 1, tasks = 1, cosine = 1 }]) => ({
    record: "cell",
    status: "measured",
    ...{ variant, input: "text", length, runtime: "auto", machine: "made up" },
    accuracy: { rows: 64, notFiniteRows: 0, relativeL2: 1 - cosine, cosine },
    retrieval: { scored: 2000, correct: 1000 * (near + far), farScored: 1000, farCorrect: 1000 * far },
    needles: [0, 0.5, 1].map((depth) => ({ depth, trials: 100, found: 100 * needles })),
    tasks: ["single", "multi-key"].map((task) => ({ task, trials: 10, score: tasks })),
  }));
  const skipped = {
    record: "cell",
    status: "too-slow",
    variant: "oracle-blocks",
    input: "text",
    length,
    reason: "slow",
  };
  return [header, ...lines, skipped].map((line) => `${JSON.stringify(line)}\n`).join("");
}
