import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ArgDef, type ArgsDef, type CommandDef, defineCommand } from "citty";
import { DEFAULT_LIMITS, type Limits } from "../conclusions/conclude.ts";
import { linesOf, readRecords } from "../results/read-records.ts";
import { UsageError } from "../settings/usage-error.ts";
import { type Flags, positiveNumber, readFlags } from "./flags.ts";
import { printJson, showResults } from "./show-results.ts";

type ReportFlag = "folder" | "memory" | "seconds" | "json";

const REPORT_ARGS: Readonly<Record<ReportFlag, ArgDef>> = {
  folder: { type: "positional", required: false, description: "of a study: where its cells.jsonl is" },
  memory: {
    type: "string",
    valueHint: "GB",
    description: "how much the longest prefill that fits may hold beyond its inputs; 1 by default",
  },
  seconds: { type: "string", valueHint: "S", description: "how long it may take; 10 by default" },
  json: { type: "boolean", description: "print study, machines, cells and conclusions as JSON, and write nothing" },
};

/** `saccade report FOLDER`: writes the report of a study again from its cells. */
export const reportCommand: CommandDef = defineCommand({
  meta: { name: "report", description: "Writes report.html, report.md and cells.csv again from a study's cells.jsonl" },
  args: REPORT_ARGS as ArgsDef,
  async run({ args }) {
    const [folder, ...stray] = args._;
    const flags = readFlags({ ...args, _: stray }, REPORT_ARGS);
    if (folder === undefined)
      throw new UsageError("report expects the folder of a study, as in: saccade report results/quick");
    const limits = limitsOf(flags);
    const file = join(folder, "cells.jsonl");
    if (!existsSync(file)) throw new UsageError(`there is no ${file}: ${folder} is no folder of a study`);
    const records = linesOf(readRecords(file));
    if (flags.isOn("json")) printJson(records, limits);
    else await showResults(folder, records, limits);
  },
});

function limitsOf(flags: Flags<ReportFlag>): Limits {
  const number = (flag: "memory" | "seconds", unit: number, byDefault: number): number => {
    const text = flags.text(flag);
    return text === undefined ? byDefault : unit * positiveNumber(flag, text);
  };
  return {
    memoryBytes: number("memory", 1e9, DEFAULT_LIMITS.memoryBytes),
    timeMs: number("seconds", 1e3, DEFAULT_LIMITS.timeMs),
  };
}
