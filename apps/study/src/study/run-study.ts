import { openInput } from "../input/open-input.ts";
import { inputBytes, outputBytes } from "../measure/measure-cell.ts";
import type { Cell } from "../measure/measurement.ts";
import { runChild } from "../measure/run-child.ts";
import { bytes, seconds } from "../report/units.ts";
import type { CallShape, System } from "../system/system.ts";
import { systemNamed } from "../system/systems.ts";
import { type Environment, freeBytes } from "./environment.ts";
import type { StudyOptions } from "./options.ts";
import type { CellRecord, MeasuredCell, StudyHeader, UnmeasuredCell } from "./record.ts";

/** On text, dense attention must name the token that followed at this share of the scored positions, or nothing is compared with it. */
export const RETRIEVAL_BOUND = 0.9;
/** Inputs of up to 1 GiB are made at once; with more, groups of heads take turns. */
const INPUT_BYTES_AT_ONCE = 2 ** 30;
/** A first cell has no expectation to exceed: it is ended after this many times the time of a call that would be too slow. */
const PATIENCE = 10;
const LEAST_TIMEOUT_MS = 120_000;

export interface StudyHooks {
  /** Before anything runs. */
  readonly onStart?: (header: StudyHeader, cells: number) => void;
  /** Before a cell's process starts. */
  readonly onCell?: (system: string, length: number) => void;
  /** After each cell, in the order of the report. */
  readonly onRecord?: (record: CellRecord) => void;
  readonly signal?: AbortSignal | undefined;
}

/** What a study found. */
export interface StudyResult {
  readonly header: StudyHeader;
  readonly cells: readonly CellRecord[];
}

/**
 * Measures every system at every length, each in a process of its own. What cannot run is a result too: a system that would not fit
 * into memory, would take too long or crashed is recorded as such, and the study goes on.
 *
 * @throws Error when the input cannot be read, RangeError when a length is longer than it.
 */
export async function runStudy(
  options: StudyOptions,
  environment: Environment,
  hooks: StudyHooks = {},
): Promise<StudyResult> {
  const input = openInput(options.input);
  const systems = systemsOf(options);
  for (const length of options.lengths) {
    if (length > input.maxLength) {
      throw new RangeError(`length ${length} is more than the ${input.maxLength} tokens of ${input.description}`);
    }
  }
  const header: StudyHeader = {
    record: "study",
    version: 1,
    environment,
    options,
    input: input.description,
    heads: input.heads,
    kvHeads: input.kvHeads,
    headDim: input.headDim,
    valueDim: input.valueDim,
    systems: Object.fromEntries(systems.map((system) => [system.name, system.description])),
  };
  hooks.onStart?.(header, options.lengths.length * systems.length);

  const cells: CellRecord[] = [];
  for (const length of options.lengths) {
    let retrieves = true;
    for (const system of systems) {
      hooks.onCell?.(system.name, length);
      const cell: CellRecord = retrieves
        ? await runCell(options, system, { ...input, length }, cells, hooks.signal)
        : unmeasured(system, length, "not-compared", "dense attention does not retrieve at this length");
      if (system.name === "dense") retrieves = retrievesEnough(cell);
      cells.push(cell);
      hooks.onRecord?.(cell);
    }
  }
  return { header, cells };
}

/** Whether dense attention named enough of the tokens that followed; true where that cannot be asked. */
export function retrievesEnough(cell: CellRecord): boolean {
  if (cell.status !== "measured" || !cell.retrieval || cell.retrieval.scored === 0) return true;
  return cell.retrieval.correct >= RETRIEVAL_BOUND * cell.retrieval.scored;
}

/** Dense attention runs first on text, whoever asked for what: it is what makes the others' retrieval mean something. */
function systemsOf({ systems, input }: StudyOptions): System[] {
  const names = input.kind === "text" ? ["dense", ...systems.filter((name) => name !== "dense")] : systems;
  return names.map(systemNamed);
}

async function runCell(
  options: StudyOptions,
  system: System,
  shape: CallShape,
  earlier: readonly CellRecord[],
  signal: AbortSignal | undefined,
): Promise<CellRecord> {
  const { length } = shape;
  const systemOptions = {
    causal: options.causal,
    scale: undefined,
    runtime: options.runtime,
    threads: options.threads,
  };
  const { workspaceBytes, visitedPairs } = system.cost(shape, systemOptions);
  const needed = inputBytes(shape) + outputBytes(shape) + workspaceBytes;
  const available = options.memoryBytes ?? freeBytes();
  if (needed > available) {
    const reason = `would hold ${bytes(needed)}, ${bytes(available)} are available`;
    return unmeasured(system, length, "too-large", reason);
  }
  const expected = expectedMs(system, visitedPairs, earlier);
  if (expected !== undefined && expected > options.callSeconds * 1000) {
    return unmeasured(system, length, "too-slow", `would take about ${seconds(expected)} a call and ${bytes(needed)}`);
  }
  const cell: Cell = {
    system: system.name,
    length,
    input: options.input,
    options: systemOptions,
    repeats: options.repeats,
    budgetMs: options.cellSeconds * 1000,
    inputBytesAtOnce: INPUT_BYTES_AT_ONCE,
  };
  const timeoutMs = Math.max(LEAST_TIMEOUT_MS, PATIENCE * options.callSeconds * 1000);
  const answer = await runChild(cell, { timeoutMs, signal });
  if ("error" in answer) return unmeasured(system, length, "failed", answer.error);
  return { record: "cell", system: system.name, length, status: "measured", ...answer.measurement };
}

/** From the system's longest measured call: time follows the visited pairs. */
function expectedMs(system: System, visitedPairs: number, earlier: readonly CellRecord[]): number | undefined {
  const last = earlier.findLast(
    (cell): cell is MeasuredCell => cell.system === system.name && cell.status === "measured",
  );
  return last && (last.medianMs / last.visitedPairs) * visitedPairs;
}

function unmeasured(system: System, length: number, status: UnmeasuredCell["status"], reason: string): UnmeasuredCell {
  return { record: "cell", system: system.name, length, status, reason };
}
