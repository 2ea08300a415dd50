// `pnpm bench:bars`: what Saccade promises about speed and memory, one line each.
import { parseArgs } from "node:util";
import { BARS } from "./bars/all-bars.ts";
import { holds, type Bar, type Measured } from "./bars/bar.ts";
import { matchesAny } from "./glob.ts";
import { machineLine } from "./machine.ts";
import { JsonLines, short } from "./report.ts";

const HELP = `pnpm bench:bars [options]

  --bar GLOB   bars to measure (may be repeated; --list names them)
  --json FILE  also write JSON lines
  --list       name the bars, measure nothing

Exits with 1 when a bar does not hold or could not be measured.`;

const { values } = parseArgs({
  options: {
    bar: { type: "string", multiple: true },
    json: { type: "string" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

function figure({ unit, threshold }: Bar, { value }: Measured): string {
  if (Number.isNaN(value)) return "none";
  return threshold < 0.1 ? value.toExponential(1) : value.toFixed(unit === "x" ? 3 : 1);
}

/** Four significant digits near the threshold matter more than a short line. */
function line(bar: Bar, measured: Measured, width: number): string {
  const verdict = holds(bar, measured) ? "pass" : "FAIL";
  const value = `${figure(bar, measured)} ${bar.unit}`;
  const sign = bar.limit === "least" ? ">=" : "<=";
  return `${verdict}  ${bar.name.padEnd(width)}  ${value.padStart(9)}  ${sign} ${short(bar.threshold)}  ${bar.about} (${measured.detail})`;
}

async function attempt(bar: Bar): Promise<Measured> {
  try {
    return await bar.measure();
  } catch (error) {
    return { value: NaN, detail: error instanceof Error ? error.message : String(error) };
  }
}

async function main(): Promise<void> {
  if (values.help) return console.log(HELP);
  const bars = BARS.filter(({ name }) => matchesAny(name, values.bar));
  if (values.list) return console.log(bars.map(({ name, about }) => `${name}: ${about}`).join("\n"));
  const json = new JsonLines(values.json);
  const width = Math.max(...bars.map(({ name }) => name.length));
  console.log(await machineLine());
  let held = 0;
  for (const bar of bars) {
    const measured = await attempt(bar);
    const pass = holds(bar, measured);
    if (pass) held++;
    const { name, about, threshold, limit, unit } = bar;
    json.add({ bar: name, about, threshold, limit, unit, measured: measured.value, pass, detail: measured.detail });
    console.log(line(bar, measured, width));
  }
  console.log(`${held} of ${bars.length} bars hold`);
  if (held < bars.length) process.exitCode = 1;
}

await main();
