import { retrievesEnough, RETRIEVAL_BOUND } from "../study/run-study.ts";
import type { CellRecord, MeasuredCell, StudyHeader } from "../study/record.ts";
import { columnsFor, reasonText } from "./columns.ts";
import { bytes, digits, exponent, share } from "./units.ts";

/** Charts beside the report, as file names relative to it. */
export interface ChartFile {
  readonly title: string;
  readonly file: string;
}

/** A study as a Markdown page. */
export function renderMarkdown(
  header: StudyHeader,
  cells: readonly CellRecord[],
  charts: readonly ChartFile[],
): string {
  return [
    "# Attention over sequence length",
    summary(header, cells),
    "## Results",
    cellTable(cells),
    ...charts.map(({ title, file }) => `![${title}](${encodeURI(file)})`),
    "Time: median of the timed calls. Peak memory: highest resident memory during a call beyond the inputs, the output and the runtime " +
      "included; by analysis: output and workspace alone. Pairs visited: scores computed, as a share of those that the result needs. " +
      "Max error: against float64 on sampled rows. GFLOP/s counts the work needed, 2 (D + E) for each visible pair." +
      (header.options.input.kind === "text"
        ? " Retrieved: share of the scored positions at which the output of the induction heads is nearest to a most frequent follower."
        : ""),
    ...retrievalSection(cells),
    ...massSection(cells),
    "## Memory in detail",
    memoryTable(cells),
    "## Where and how",
    environmentTable(header, cells),
    "",
  ].join("\n\n");
}

/** What the study says, in a few sentences made of its numbers. */
export function summary(header: StudyHeader, cells: readonly CellRecord[]): string {
  const { heads, kvHeads, headDim, options, input } = header;
  const causal = options.causal ? "causal" : "not causal";
  const lines = [
    `${count(heads, "query head")} on ${count(kvHeads, "key head")}, D = ${headDim}, ${causal}, f32, on ${input}.`,
  ];
  const measured = cells.filter((cell) => cell.status === "measured");
  const others = Object.keys(header.systems).filter((name) => name !== "dense");
  for (const name of others) {
    const last = measured.findLast(
      (cell) => cell.system === name && measured.some((other) => isDenseAt(other, cell.length)),
    );
    const dense = last && measured.find((other) => isDenseAt(other, last.length));
    if (last && dense) {
      lines.push(
        `At ${last.length} tokens ${name} takes ${digits(last.medianMs / dense.medianMs)} times as long as dense ` +
          `and holds ${bytes(last.peakBytes)} beyond the inputs where dense holds ${bytes(dense.peakBytes)}.`,
      );
    }
  }
  const weak = cells.find((cell) => cell.system === "dense" && !retrievesEnough(cell));
  if (weak) {
    lines.push(
      `**Dense attention does not retrieve at ${weak.length} tokens** (the bound is ${100 * RETRIEVAL_BOUND}%): nothing is compared there.`,
    );
  }
  return lines.join(" ");
}

function isDenseAt(cell: MeasuredCell, length: number): boolean {
  return cell.system === "dense" && cell.length === length;
}

function cellTable(cells: readonly CellRecord[]): string {
  const columns = columnsFor(cells);
  return markdownTable(
    ["length", "system", ...columns.map((column) => column.title)],
    cells.map((cell) => [
      String(cell.length),
      cell.system,
      ...(cell.status === "measured" ? columns.map((column) => column.text(cell)) : [reasonText(cell)]),
    ]),
  );
}

function retrievalSection(cells: readonly CellRecord[]): string[] {
  const rows = cells.flatMap((cell) => {
    if (cell.status !== "measured" || !cell.retrieval) return [];
    const { scored, correct, farScored, farCorrect } = cell.retrieval;
    const numbers = [share(correct, scored), String(scored), share(farCorrect, farScored), String(farScored)];
    return [[String(cell.length), cell.system, ...numbers]];
  });
  if (rows.length === 0) return [];
  return [
    "## Retrieval",
    "An induction head looks for earlier occurrences of the last tokens and retrieves what followed them. Scored are positions whose last " +
      "tokens occurred before; *far* are those whose nearest occurrence is more than an eighth of the length away.",
    markdownTable(["length", "system", "retrieved", "scored", "retrieved far", "far"], rows),
  ];
}

function massSection(cells: readonly CellRecord[]): string[] {
  const rows = cells.flatMap((cell) => {
    if (cell.status !== "measured" || cell.system !== "dense" || !cell.targetMass) return [];
    const { induction, local, sink } = cell.targetMass;
    const shares = [induction, local, sink].map((mass) => (mass === undefined ? "-" : share(mass, 1)));
    return [[String(cell.length), ...shares]];
  });
  if (rows.length === 0) return [];
  return [
    "## What the heads look at",
    "Share of the attention, in float64, that each kind of head puts on the keys it was built for: *induction* on what followed its last " +
      "tokens earlier, *local* within 128 tokens, *sink* on the first 4 keys.",
    markdownTable(["length", "induction", "local", "sink"], rows),
  ];
}

function memoryTable(cells: readonly CellRecord[]): string {
  return markdownTable(
    [
      "length",
      "system",
      "inputs",
      "output",
      "workspace by analysis",
      "peak beyond inputs",
      "of it runtime",
      "groups of heads",
    ],
    cells
      .filter((cell) => cell.status === "measured")
      .map((cell) => [
        String(cell.length),
        cell.system,
        bytes(cell.inputBytes),
        bytes(cell.outputBytes),
        bytes(cell.workspaceBytes),
        bytes(cell.peakBytes),
        bytes(cell.runtimeBytes),
        String(cell.passes),
      ]),
  );
}

function environmentTable(header: StudyHeader, cells: readonly CellRecord[]): string {
  const { environment } = header;
  const measured = cells.filter((cell) => cell.status === "measured");
  const ran = unique(
    measured.map((cell) => `${cell.system}: ${cell.runtime}, ${cell.instructionSet}, ${count(cell.threads, "thread")}`),
  );
  const notTaken = unique(measured.flatMap((cell) => cell.notTaken));
  const methods = unique(measured.map((cell) => cell.memoryMethod));
  const largest = measured.reduce((max, cell) => Math.max(max, cell.maxAbsReference), 0);
  return markdownTable(
    ["", ""],
    [
      ["date", environment.date],
      ["command", `\`${environment.command}\``],
      ["processor", `${environment.cpu}, ${environment.cores} cores`],
      ["memory", bytes(environment.memoryBytes)],
      ["system", environment.os],
      ["Node", environment.node],
      ["ran", ran.join("; ") || "-"],
      ["not taken, and why", notTaken.join("; ") || "none"],
      ["peak memory from", methods.join("; ") || "-"],
      ["largest output in float64", exponent(largest)],
    ],
  );
}

function count(number: number, what: string): string {
  return number === 1 ? `1 ${what}` : `${number} ${what}s`;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${head.map((_, column) => (cells[column] ?? "").replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
