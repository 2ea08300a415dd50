import { basename, join } from "node:path";
import { type ArgsDef, type CommandDef, defineCommand } from "citty";
import type { Shard } from "../grid/shard.ts";
import { readMachine } from "../machine/read-machine.ts";
import { writeReport } from "../report/write-report.ts";
import { latestFolder, openStudyFolder } from "../results/study-folder.ts";
import { headerOf, readStudy, type Study } from "../settings/study.ts";
import { UsageError } from "../settings/usage-error.ts";
import { progressOn } from "../study/progress.ts";
import { runStudy } from "../study/run-study.ts";
import { type Flags, readFlags } from "./flags.ts";
import { printJson, showResults } from "./show-results.ts";
import { parseShard, STUDY_ARGS, type StudyFlag, studySettings } from "./study-flags.ts";

/** Exit code of a program that was interrupted. */
const INTERRUPTED = 130;

/** `saccade study`: measures variants over length, and writes records, a report and a table. */
export const studyCommand: CommandDef = defineCommand({
  meta: { name: "study", description: "Time, memory and accuracy of attention over sequence length" },
  args: STUDY_ARGS as ArgsDef,
  async run({ args, rawArgs }) {
    const [file, ...stray] = args._;
    const flags = readFlags({ ...args, _: stray }, STUDY_ARGS);
    const shardText = flags.text("shard");
    const shard = shardText === undefined ? undefined : parseShard(shardText);
    const study = await readStudy(file, studySettings(flags));
    const path = folderOf(flags, study, shard);
    using folder = openStudyFolder(path, headerOf(study, basename(path)), flags.isOn("resume"));
    const machine = readMachine(["study", ...rawArgs]);
    const json = flags.isOn("json");
    if (!json) process.stdout.write(`${introduction(study, machine.cpu, machine.cores)}\n\n`);

    const progress = progressOn(process.stderr, study.grid.measure.cellSeconds);
    const interrupt = interruption();
    try {
      await runStudy(study, folder, machine, { shard, signal: interrupt.signal, hooks: progress });
    } catch (error) {
      if (!interrupt.signal.aborted) throw error;
    } finally {
      progress.stop();
      interrupt.release();
    }
    const records = folder.records();
    if (folder.cells.length > 0) {
      if (!json) await showResults(folder.path, records);
      else {
        await writeReport(folder.path, records);
        printJson(records);
      }
    }
    if (interrupt.signal.aborted) {
      process.stderr.write(`saccade: interrupted; go on with\n  ${resumeCommand(rawArgs, basename(path))}\n`);
      process.exitCode = INTERRUPTED;
    } else if (folder.cells.every((cell) => cell.status !== "measured")) {
      throw new Error("no cell could be measured");
    }
  },
});

/** The folder that flags name, or the latest of the same grid to be resumed, or a new one. */
function folderOf(flags: Flags<StudyFlag>, study: Study, shard: Shard | undefined): string {
  const out = flags.text("out") ?? "results";
  if (study.name !== undefined) return join(out, study.name);
  if (flags.isOn("resume")) {
    if (shard !== undefined) throw new UsageError("--resume with --shard needs the --name of the shard's folder");
    const latest = latestFolder(out, study.gridHash);
    if (latest === undefined) throw new UsageError(`${out} has no study of this grid to resume`);
    return latest;
  }
  const time = new Date().toISOString().slice(0, 19).replaceAll(":", "").replace("T", "-");
  const part = shard === undefined ? "" : `-${shard.index}of${shard.count}`;
  return join(out, `${study.kind}-${time}${part}`);
}

function introduction({ grid, variants }: Study, cpu: string, cores: number): string {
  const width = Math.max(...[...variants.keys()].map((id) => id.length));
  const names = Array.from(variants, ([id, { description }]) => `  ${id.padEnd(width)}  ${description}`);
  const { lengths } = grid;
  return [`${cpu}, ${cores} cores, Node ${process.version}; ${lengths[0]} to ${lengths.at(-1)} tokens`, ...names].join(
    "\n",
  );
}

/** A signal that Ctrl-C or an end that the system asks for aborts. */
function interruption(): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const stop = (): void => {
    // Whoever asks twice does not want to wait for the report.
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort(new Error("interrupted"));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return {
    signal: controller.signal,
    release() {
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
    },
  };
}

/** The same command line, going on in the folder that it began. */
function resumeCommand(rawArgs: readonly string[], name: string): string {
  const given = rawArgs.filter((arg) => arg !== "--resume");
  const named = given.some((arg) => arg === "--name" || arg.startsWith("--name="));
  const words = ["saccade", "study", ...given, ...(named ? [] : ["--name", name]), "--resume"];
  return words.map((word) => (/^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(" ");
}
