// `pnpm bench:peers`: the same inputs through Saccade and other systems, each in a process of its own.
import { parseArgs } from "node:util";
import { CASES, type Case } from "./cases.ts";
import { Contestant } from "./contest/contestant.ts";
import { interleave } from "./contest/interleave.ts";
import { matchesAny } from "./glob.ts";
import { machineLine } from "./machine.ts";
import { neededFlops } from "./measure/shape.ts";
import { median } from "./measure/statistics.ts";
import { formatTable, JsonLines, short } from "./report.ts";
import { allSystems, labelOf, type System } from "./systems/registry.ts";

const HELP = `pnpm bench:peers [options]

  --case GLOB      cases to run, e.g. 'dense-*-causal' (may be repeated; --list names them)
  --system GLOB    systems by name or name:runtime:threads, e.g. saccade, 'onnxruntime-*:native:1' (may be repeated)
  --json FILE      also write JSON lines
  --rounds N       rounds of each system, taking turns (default 7)
  --seconds N      a system that has computed this long in a case gets no further rounds (default 4)
  --timeout N      seconds that a first call or a round may take (default 90)
  --huge           also what needs 19 GB of memory
  --list           name cases and systems, run nothing`;

/** One line of the JSON file. */
interface PeerResult extends System {
  readonly case: string;
  readonly medianMs: number | null;
  /** GFLOP/s of the work needed: pairs that a causal mask hides count for nobody. */
  readonly gflops: number | null;
  /** Resident memory that the first call added at its peak, without its output. */
  readonly peakMemoryMB: number | null;
  readonly maxAbsError: number | null;
  readonly failed: string | null;
  readonly note: string;
}

const { values } = parseArgs({
  options: {
    case: { type: "string", multiple: true },
    system: { type: "string", multiple: true },
    json: { type: "string" },
    rounds: { type: "string", default: "7" },
    seconds: { type: "string", default: "4" },
    timeout: { type: "string", default: "90" },
    huge: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
const timeoutMs = Number(values.timeout) * 1000;
/** The highest GFLOP/s that a system reached so far, by label: how long a larger case takes at least can be told. */
const pace = new Map<string, number>();
const json = new JsonLines(values.json);

function systemsOf(entry: Case): System[] {
  return allSystems().filter((system) => {
    const label = labelOf(system);
    const chosen = matchesAny(label, values.system) || matchesAny(system.system, values.system);
    return chosen && matchesAny(label, entry.systems);
  });
}

/** Why a system is not even started, if so. */
function declined(entry: Case, system: System): string | undefined {
  const label = labelOf(system);
  if (!values.huge && entry.huge && matchesAny(label, entry.huge)) return "not run: needs about 19 GB (--huge)";
  const gflops = pace.get(label);
  const expectedMs = gflops === undefined ? 0 : neededFlops(entry.shape) / gflops / 1e6;
  if (expectedMs <= timeoutMs) return undefined;
  return `timeout: at its ${short(gflops!)} GFLOP/s one call takes about ${Math.round(expectedMs / 1000)} s`;
}

function resultOf(entry: Case, contestant: Contestant): PeerResult {
  const { system, ready, rounds } = contestant;
  const failed = contestant.failed ?? null;
  const medianMs = failed === null && rounds.length > 0 ? median(rounds) : null;
  const gflops = medianMs === null ? null : neededFlops(entry.shape) / medianMs / 1e6;
  return {
    case: entry.name,
    ...system,
    medianMs,
    gflops,
    peakMemoryMB: ready?.peakMemoryMB ?? null,
    maxAbsError: ready?.maxAbsError ?? null,
    failed,
    note: ready?.note ?? "",
  };
}

async function runCase(entry: Case): Promise<PeerResult[]> {
  const contestants: Contestant[] = [];
  const results = new Map<System, PeerResult>();
  const systems = systemsOf(entry);
  try {
    for (const system of systems) {
      const reason = declined(entry, system);
      const nothing = { medianMs: null, gflops: null, peakMemoryMB: null, maxAbsError: null, note: "" };
      if (reason !== undefined) {
        results.set(system, { case: entry.name, ...system, ...nothing, failed: reason });
        continue;
      }
      progress(`${entry.name}: ${labelOf(system)}`);
      const contestant = new Contestant(system, entry.shape, timeoutMs);
      contestants.push(contestant);
      await contestant.prepare();
    }
    progress(`${entry.name}: taking turns`);
    await interleave(contestants, {
      rounds: Number(values.rounds),
      roundMs: 100,
      budgetMs: Number(values.seconds) * 1000,
      fewestRounds: 1,
    });
  } finally {
    for (const contestant of contestants) contestant[Symbol.dispose]();
    progress("");
  }
  for (const contestant of contestants) {
    const result = resultOf(entry, contestant);
    results.set(contestant.system, result);
    // A single query is bound by memory: its rate says nothing about the others.
    if (result.gflops === null || entry.shape.N === 1) continue;
    pace.set(contestant.label, Math.max(result.gflops, pace.get(contestant.label) ?? 0));
  }
  return systems.map((system) => results.get(system)!);
}

function print(entry: Case, results: readonly PeerResult[]): void {
  const columns = [
    { heading: "system" },
    { heading: "runtime" },
    { heading: "threads", right: true },
    { heading: "ms", right: true },
    { heading: "GFLOP/s", right: true },
    { heading: "peak MB", right: true },
    { heading: "max error", right: true },
    { heading: "" },
  ];
  const cell = (value: number | null): string => (value === null ? "" : short(value));
  const rows = results.map((r) => [
    r.system,
    r.runtime,
    String(r.threads),
    cell(r.medianMs),
    cell(r.gflops),
    r.peakMemoryMB === null ? "" : r.peakMemoryMB.toFixed(0),
    r.maxAbsError === null ? "" : r.maxAbsError.toExponential(1),
    r.failed ?? r.note,
  ]);
  console.log(`\n${entry.name}\n${formatTable(columns, rows)}`);
}

/** A line that the next one replaces, on terminals only. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

async function main(): Promise<void> {
  if (values.help) return console.log(HELP);
  const cases = CASES.filter(({ name }) => matchesAny(name, values.case));
  if (values.list) {
    console.log(cases.map(({ name }) => name).join("\n"));
    console.log(`\n${allSystems().map(labelOf).join("\n")}`);
    return;
  }
  if (cases.length === 0) throw new Error(`no case matches ${values.case?.join(", ")} (--list names them)`);
  console.log(await machineLine());
  for (const entry of cases) {
    const results = await runCase(entry);
    for (const result of results) json.add(result);
    print(entry, results);
  }
}

await main();
