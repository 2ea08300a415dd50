import { type ArgsDef, type CommandDef, defineCommand } from "citty";
import { summary } from "../report/markdown.ts";
import { progressOn } from "../report/progress.ts";
import { type ResultFiles, resultFiles } from "../report/result-files.ts";
import { renderTable } from "../report/table.ts";
import { readEnvironment } from "../study/environment.ts";
import type { CellRecord, StudyHeader } from "../study/record.ts";
import { retrievesEnough, runStudy } from "../study/run-study.ts";
import { readFlags } from "./flags.ts";
import { STUDY_ARGS, studyOptions } from "./study-options.ts";

/** `saccade study`: measures attention over length and writes a table, JSON lines and a report. */
export const studyCommand: CommandDef = defineCommand({
  meta: { name: "study", description: "Memory, time and accuracy of attention over sequence length" },
  args: STUDY_ARGS as ArgsDef,
  async run({ args, rawArgs }) {
    const flags = readFlags(args, STUDY_ARGS);
    const options = studyOptions(flags);
    const environment = readEnvironment(["study", ...rawArgs]);
    const progress = progressOn(process.stderr);
    const interrupt = new AbortController();
    const onInterrupt = (): void => interrupt.abort(new Error("interrupted"));
    process.once("SIGINT", onInterrupt);

    let files: ResultFiles | undefined;
    let header: StudyHeader | undefined;
    const cells: CellRecord[] = [];
    try {
      await runStudy(options, environment, {
        signal: interrupt.signal,
        onStart(started, count) {
          header = started;
          files = resultFiles(flags.text("out")!, environment.date);
          files.append(started);
          process.stdout.write(`${introduction(started)}\n\n`);
          progress.start(count);
        },
        onCell: progress.running,
        onRecord(record) {
          cells.push(record);
          files!.append(record);
          progress.done(record);
        },
      });
    } finally {
      progress.stop();
      process.removeListener("SIGINT", onInterrupt);
      if (header && files && cells.length > 0) conclude(header, cells, files);
    }
    if (!cells.every(retrievesEnough) || cells.every((cell) => cell.status !== "measured")) process.exitCode = 1;
  },
});

function introduction({ environment, systems }: StudyHeader): string {
  const names = Object.entries(systems).map(([name, description]) => `  ${name}: ${description}`);
  return [`${environment.cpu}, ${environment.cores} cores, Node ${environment.node}`, ...names].join("\n");
}

function conclude(header: StudyHeader, cells: readonly CellRecord[], files: ResultFiles): void {
  files.finish({ header, cells });
  const lines = [
    renderTable(cells),
    summary(header, cells),
    `report      ${files.report}\njson lines  ${files.jsonLines}`,
  ];
  process.stdout.write(`\n${lines.join("\n\n")}\n`);
}
