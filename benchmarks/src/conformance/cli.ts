import { statSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { RunInfo, RuntimeName } from "@saccade/core";
import { runFolder } from "./runner.ts";

const USAGE = `Usage: pnpm conformance [--runtime auto|native|wasm|reference] DIR

Runs the ONNX operator tests (test_*/model.onnx, test_data_set_*/*.pb) in DIR through Saccade. DIR may come from the
environment variable SACCADE_ONNX_TESTS instead. A test is skipped when it needs an operator, attribute or type that is
not implemented, which its line names.`;

const RUNTIMES: readonly string[] = ["auto", "native", "wasm", "reference"];

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { runtime: { type: "string", default: "auto" }, help: { type: "boolean", short: "h", default: false } },
  });
  const given = positionals[0] ?? process.env["SACCADE_ONNX_TESTS"];
  if (values.help || given === undefined || positionals.length > 1 || !RUNTIMES.includes(values.runtime)) {
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  // A package manager's script runs in the package; the caller's paths start from INIT_CWD.
  const folder = resolve(process.env["INIT_CWD"] ?? "", given);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    console.log(`conformance: ${folder} is no folder`);
    return 2;
  }
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const runtime = values.runtime as "auto" | RuntimeName;
  const systems = new Set<string>();
  const onRun = (ran: RunInfo): void => {
    systems.add([`${ran.runtime} (${ran.instructionSet})`, ...ran.notTaken].join("; "));
  };
  for await (const { name, status, detail } of runFolder(folder, { runtime, onRun })) {
    counts[status]++;
    console.log(`${status.padEnd(7)} ${name}${detail === undefined ? "" : `: ${detail}`}`);
  }
  if (counts.passed + counts.failed + counts.skipped === 0) console.log(`no test_* folder in ${folder}`);
  for (const system of systems) console.log(`ran on ${system}`);
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed > 0 || counts.passed === 0 ? 1 : 0;
};

process.exitCode = await main();
