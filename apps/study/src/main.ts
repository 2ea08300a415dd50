import { readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { type CommandDef, defineCommand, renderUsage, runCommand } from "citty";
import { inspectCommand } from "./commands/inspect.ts";
import { maskCommand } from "./commands/mask.ts";
import { mergeCommand } from "./commands/merge.ts";
import { perplexityCommand } from "./commands/perplexity.ts";
import { recommendCommand } from "./commands/recommend.ts";
import { reportCommand } from "./commands/report.ts";
import { studyCommand } from "./commands/study.ts";
import { UsageError } from "./settings/usage-error.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** Each subcommand is a file of its own in `commands/`. */
const subCommands: Readonly<Record<string, CommandDef>> = {
  study: studyCommand,
  merge: mergeCommand,
  report: reportCommand,
  recommend: recommendCommand,
  mask: maskCommand,
  inspect: inspectCommand,
  perplexity: perplexityCommand,
};

const program: CommandDef = defineCommand({
  meta: { name: "saccade", version, description: "Sparse and long-context attention, measured" },
  subCommands,
});

/** Runs a command line. The exit code becomes 1 when a command failed and 2 when it was not understood. */
export async function main(rawArgs: string[]): Promise<void> {
  const [name] = rawArgs;
  try {
    if (rawArgs.includes("--version")) {
      process.stdout.write(`${version}\n`);
    } else if (name === undefined || rawArgs.includes("--help") || rawArgs.includes("-h")) {
      process.stdout.write(`${await usage(name)}\n`);
    } else if (Object.hasOwn(subCommands, name)) {
      await runCommand(program, { rawArgs });
    } else {
      throw new UsageError(`there is no command "${name}"; there is ${Object.keys(subCommands).join(", ")}`);
    }
  } catch (error) {
    process.stderr.write(`saccade: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}

async function usage(name: string | undefined): Promise<string> {
  const command = name !== undefined && Object.hasOwn(subCommands, name) ? subCommands[name] : undefined;
  const text = await (command === undefined ? renderUsage(program) : renderUsage(command, program));
  return process.stdout.isTTY ? text : stripVTControlCharacters(text);
}
