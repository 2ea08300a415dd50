import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** A column of a table: its heading, and whether its cells are numbers (aligned on the right). */
export interface Column {
  readonly heading: string;
  readonly right?: boolean;
}

/** A table in plain text, columns two spaces apart. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ heading }, c) => Math.max(heading.length, ...rows.map((row) => row[c]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, c) => (columns[c]!.right ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!)))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width));
  return [line(columns.map(({ heading }) => heading)), line(rule), ...rows.map(line)].join("\n");
}

/** A file of JSON lines that grows while the run goes on, so that an interrupted run leaves what it had. */
export class JsonLines {
  readonly #file: string | undefined;

  /** @param file relative to the folder where the command was typed, also under pnpm; undefined writes nothing */
  constructor(file: string | undefined) {
    if (file === undefined) return;
    this.#file = resolve(process.env["INIT_CWD"] ?? ".", file);
    mkdirSync(dirname(this.#file), { recursive: true });
    writeFileSync(this.#file, "");
  }

  add(record: object): void {
    if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify(record)}\n`);
  }
}

/** Three significant digits, without exponents in the usual range. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  if (magnitude < -4 || magnitude > 6) return value.toExponential(1);
  return value.toFixed(Math.max(0, Math.min(4, 2 - magnitude)));
}
