import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { type ArgDef, type ArgsDef, type CommandDef, defineCommand } from "citty";
import type { CellRecord, MachineRecord } from "../cells/record.ts";
import { writing } from "../results/disk-error.ts";
import { inWords, mergeStudies, renamed } from "../results/merge-studies.ts";
import { lineOf, linesOf, readRecords } from "../results/read-records.ts";
import { cellsPath } from "../results/study-folder.ts";
import { writeWhole } from "../results/whole-file.ts";
import { UsageError } from "../settings/usage-error.ts";
import { readFlags } from "./flags.ts";
import { showResults } from "./show-results.ts";

const MERGE_ARGS: Readonly<Record<"out", ArgDef>> = {
  out: {
    type: "positional",
    required: false,
    description: "folder of the whole study, then the folders of its shards",
  },
};

/** `saccade merge OUT SHARD...`: puts the shards of one grid together. */
export const mergeCommand: CommandDef = defineCommand({
  meta: { name: "merge", description: "Puts shards of one study together: saccade merge OUT SHARD..." },
  args: MERGE_ARGS as ArgsDef,
  async run({ args }) {
    const [out, ...shards] = args._;
    readFlags({ ...args, _: [] }, MERGE_ARGS);
    if (out === undefined || shards.length === 0)
      throw new UsageError("merge expects OUT SHARD..., folders of studies");
    if (existsSync(out) && readdirSync(out).length > 0) throw new UsageError(`${out} is there already`);
    const parts = shards.map((name) => ({ name, records: readRecords(recordsIn(name)) }));
    const { header, machines, cells, missing } = mergeStudies(parts);
    const records = linesOf({ header: renamed(header, basename(out)), machines, cells });
    writing(out, () => mkdirSync(out, { recursive: true }));
    writeWhole(cellsPath(out), records.map(lineOf).join(""));
    await showResults(out, records);
    process.stdout.write(`\n${machineLines(machines, cells)}\n`);
    const [first] = missing;
    if (first !== undefined) {
      const names = `${inWords(first)}${missing.length > 1 ? ` and ${missing.length - 1} more` : ""}`;
      process.stderr.write(
        `saccade: ${missing.length} of ${missing.length + cells.length} cells are missing: ${names}\n`,
      );
    }
  },
});

/** A shard's file of cells, or the one in its folder. */
function recordsIn(name: string): string {
  return existsSync(name) && statSync(name).isDirectory() ? join(name, basename(cellsPath(name))) : name;
}

/** Which machine ran how many: times of different ones do not compare. */
function machineLines(machines: readonly MachineRecord[], cells: readonly CellRecord[]): string {
  const lines = machines.map(({ id, cpu, cores, os }) => {
    const count = cells.filter((cell) => cell.machine === id).length;
    return `machine ${id}: ${cpu}, ${cores} cores, ${os}: ${count} cells`;
  });
  const warning = machines.length > 1 ? ["Cells ran on different machines: their times do not compare."] : [];
  return [...lines, ...warning].join("\n");
}
