import { join } from "node:path";
import { forecast, refusal } from "../cells/forecast.ts";
import { headRangesOf } from "../accuracy/head-ranges.ts";
import { groupSizes } from "../cells/call-sizes.ts";
import type { CellKey, CellRecord, MachineRecord } from "../cells/record.ts";
import { runChild } from "../cells/run-child.ts";
import { cellId, cellsOf, seriesId } from "../grid/grid.ts";
import { type Shard, shardOf } from "../grid/shard.ts";
import { freeBytes, type Machine } from "../machine/read-machine.ts";
import type { Input } from "../input/input.ts";
import type { StudyFolder } from "../results/study-folder.ts";
import type { Study } from "../settings/study.ts";

/** Inputs of up to 1 GiB are made together; with more, groups of heads take turns. */
const INPUT_BYTES_AT_ONCE = 2 ** 30;
/** Kept free for everything else on the machine, as a share. */
const RESERVE = 0.1;
const MACHINE_SECONDS = 120;

export interface RunOptions {
  /** A part of the grid; undefined for all of it. */
  readonly shard?: Shard | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly hooks?: RunHooks | undefined;
}

export interface RunHooks {
  /** Before anything runs. */
  readonly onStart?: (cells: readonly CellKey[], done: readonly CellRecord[]) => void;
  readonly onMachine?: () => void;
  /** Before a cell begins. */
  readonly onCell?: (cell: CellKey) => void;
  /** When its record is on the disk. */
  readonly onRecord?: (record: CellRecord, seconds: number) => void;
}

/**
 * Measures the cells that the folder has not, each in a process of its own, and writes each down as it ends. What fails, or takes too much
 * memory or time, is a result as well.
 *
 * @throws the signal's reason when it aborts: the cell that was running is not recorded.
 */
export async function runStudy(
  study: Study,
  folder: StudyFolder,
  machine: Machine,
  { shard, signal, hooks = {} }: RunOptions = {},
): Promise<void> {
  const all = cellsOf(study.grid);
  const cells = shard === undefined ? all : shardOf(all, shard);
  const ids = new Set(cells.map(cellId));
  const done = new Set(folder.cells.map(cellId));
  hooks.onStart?.(
    cells,
    folder.cells.filter((cell) => ids.has(cellId(cell))),
  );
  const pending = cells.filter((cell) => !done.has(cellId(cell)));
  if (pending.length === 0) return;
  const here =
    folder.machines.find(({ id }) => id === machine.id) ?? (await measuredMachine(study, machine, signal, hooks));
  if (!folder.machines.includes(here)) folder.append(here);
  for (const cell of pending) {
    hooks.onCell?.(cell);
    const start = performance.now();
    const record = await runCell(study, folder, here, cell, signal);
    folder.append(record);
    hooks.onRecord?.(record, (performance.now() - start) / 1000);
  }
}

async function measuredMachine(
  { grid }: Study,
  machine: Machine,
  signal: AbortSignal | undefined,
  hooks: RunHooks,
): Promise<MachineRecord> {
  hooks.onMachine?.();
  const [first = "auto"] = grid.runtimes;
  const runtime = grid.runtimes.find((name) => name === "auto" || name === "native") ?? first;
  const job = { kind: "machine", runtime, threads: grid.measure.threads } as const;
  const answer = await runChild(job, { seconds: MACHINE_SECONDS, bytes: spareBytes(), inputBytes: 0, signal });
  if ("found" in answer) return { ...machine, ...answer.found };
  throw new Error(`the machine could not be measured: ${answer.reason}`);
}

async function runCell(
  study: Study,
  folder: StudyFolder,
  machine: MachineRecord,
  key: CellKey,
  signal: AbortSignal | undefined,
): Promise<CellRecord> {
  const { grid, module } = study;
  const candidate = study.variants.get(key.variant);
  const source = study.inputs.get(key.input);
  if (candidate === undefined || source === undefined) throw new Error(`study: there is no cell ${cellId(key)}`);
  const { measure, seed } = grid;
  const free = spareBytes();
  const circumstances = { series: seriesBefore(folder, key), machine, freeBytes: free, measure };
  const base = { record: "cell", machine: machine.id, ...key } as const;

  const expected = attempt(() => forecast(candidate, sizesOf(source.input, key), circumstances));
  if (expected instanceof Error) return { ...base, status: "failed", reason: expected.message };
  const refused = refusal(expected, circumstances);
  if (refused !== undefined) return { ...base, ...refused };

  const job = {
    kind: "cell",
    key,
    input: source.spec,
    module,
    seed,
    measure,
    inputBytesAtOnce: INPUT_BYTES_AT_ONCE,
    cacheFolder: join(folder.path, "reference"),
  } as const;
  const { inputBytes } = expected;
  const bytes = measure.cellBytes ?? Math.max(0, free - inputBytes);
  const answer = await runChild(job, { seconds: measure.cellSeconds, bytes, inputBytes, signal });
  if (!("found" in answer)) return { ...base, ...answer };
  const { prefill, ...found } = answer.found;
  const peak = found.ran.threads === 1 ? machine.peakGflopsOneThread : machine.peakGflops;
  return { ...base, status: "measured", ...found, prefill: { ...prefill, peakShare: prefill.gflops / peak } };
}

function sizesOf(input: Input, { length }: CellKey): Parameters<typeof forecast>[1] {
  const [first = { first: 0, count: input.kvHeads }] = headRangesOf(input, length, INPUT_BYTES_AT_ONCE);
  return {
    all: groupSizes(input, length, { first: 0, count: input.kvHeads }),
    together: groupSizes(input, length, first),
  };
}

/** Shorter cells of the same variant, input and runtime. */
function seriesBefore({ cells }: StudyFolder, key: CellKey): CellRecord[] {
  const series = seriesId(key);
  return cells
    .filter((cell) => seriesId(cell) === series && cell.length < key.length)
    .toSorted((a, b) => a.length - b.length);
}

function spareBytes(): number {
  return (1 - RESERVE) * freeBytes();
}

function attempt<T>(call: () => T): T | Error {
  try {
    return call();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
