import type { Attention } from "@saccade/core";
import { openInput } from "../input/open-input.ts";
import type { HeadRange, Input, Retrieval, Slice } from "../input/input.ts";
import type { CallResult, CallShape, OpenSystem } from "../system/system.ts";
import { systemNamed } from "../system/systems.ts";
import type { Cell, Measurement } from "./measurement.ts";
import { collectGarbage, type MemoryMethod, residentBytes, startPeakMeter } from "./memory.ts";
import { type SampledError, sampledError } from "./sampled-error.ts";
import { type TargetMass, targetMass } from "./target-mass.ts";
import { addTimings, timeCalls, timeOf, type Timing } from "./timing.ts";

/** Tokens of the call that starts threads and compiles before the real one. */
const FIRST_TOKENS = 16;

/** What one group of heads gave. */
interface Pass {
  readonly ran: Omit<CallResult, "out">;
  readonly timing: Timing;
  readonly error: SampledError;
  readonly retrieval: Retrieval | undefined;
  readonly targetMass: TargetMass | undefined;
  readonly peakBytes: number;
  readonly runtimeBytes: number;
  readonly memoryMethod: MemoryMethod;
}

/** Measures one cell in this process. Memory is only meaningful in a process that did nothing before. */
export async function measureCell(cell: Cell): Promise<Measurement> {
  const input = openInput(cell.input);
  const system = systemNamed(cell.system);
  const options = { ...cell.options, scale: cell.options.scale ?? input.scale };
  const definition = system.definition(options);
  const ranges = headRanges(input, cell.length, cell.inputBytesAtOnce);

  let open: OpenSystem | undefined;
  const passes: Pass[] = [];
  try {
    for (const range of ranges) {
      const slice = input.slice(cell.length, range);
      const first = input.slice(Math.min(FIRST_TOKENS, cell.length), range);
      await collectGarbage();
      const before = residentBytes();
      open ??= await system.open(options);
      passes.push(await measurePass(cell, input, range, slice, first, definition, open, before));
    }
    return join(cell, input, ranges, passes, open!);
  } finally {
    await open?.[Symbol.asyncDispose]();
  }
}

async function measurePass(
  cell: Cell,
  input: Input,
  range: HeadRange,
  slice: Slice,
  first: Slice,
  definition: Attention,
  open: OpenSystem,
  before: number,
): Promise<Pass> {
  await open.run(first);
  const runtimeBytes = Math.max(0, residentBytes() - before);

  const peak = startPeakMeter();
  let result!: CallResult;
  const firstMs = await timeOf(async () => {
    result = await open.run(slice);
  });
  const peakBytes = Math.max(0, peak.peakBytes() - before);

  const timing = await timeCalls(() => open.run(slice), { repeats: cell.repeats, budgetMs: cell.budgetMs, firstMs });
  const { out, ...ran } = result;
  return {
    ran,
    timing,
    peakBytes,
    runtimeBytes,
    memoryMethod: peak.method,
    error: sampledError(definition, slice, out),
    retrieval: input.retrieval(cell.length, range, out, cell.options.causal),
    targetMass: targetMass(definition, input, slice, cell.length, range),
  };
}

/** Key heads in groups whose inputs stay below a number of bytes, one head at least. */
export function headRanges(input: Input, length: number, bytesAtOnce: number): HeadRange[] {
  const perHead = inputBytes({ ...input, length }) / input.kvHeads;
  const together = Math.max(1, Math.min(input.kvHeads, Math.floor(bytesAtOnce / perHead)));
  const ranges: HeadRange[] = [];
  for (let first = 0; first < input.kvHeads; first += together) {
    ranges.push({ first, count: Math.min(together, input.kvHeads - first) });
  }
  return ranges;
}

/** Bytes of q, k and v. */
export function inputBytes({ heads, kvHeads, length, headDim, valueDim }: CallShape): number {
  return 4 * length * (heads * headDim + kvHeads * (headDim + valueDim));
}

/** Bytes of the output. */
export function outputBytes({ heads, length, valueDim }: CallShape): number {
  return 4 * heads * length * valueDim;
}

function join(
  cell: Cell,
  input: Input,
  ranges: readonly HeadRange[],
  passes: readonly Pass[],
  open: OpenSystem,
): Measurement {
  const shape: CallShape = { ...input, length: cell.length };
  const kvHeads = ranges[0]!.count;
  const passShape = { ...shape, kvHeads, heads: (kvHeads * input.heads) / input.kvHeads };
  const { visiblePairs, visitedPairs, flops, workspaceBytes, bytesRead } = open.cost(shape);
  const timing = addTimings(passes.map((pass) => pass.timing));
  const { runtime, instructionSet, threads, notTaken } = passes[0]!.ran;
  const max = (of: (pass: Pass) => number): number => Math.max(...passes.map(of));
  return {
    runtime,
    instructionSet,
    threads,
    notTaken,
    ...timing,
    gflops: flops / timing.medianMs / 1e6,
    visiblePairs,
    visitedPairs,
    flops,
    workspaceBytes,
    bytesRead,
    inputBytes: inputBytes(shape),
    outputBytes: outputBytes(shape),
    analyticBytes: outputBytes(passShape) + open.cost(passShape).workspaceBytes,
    peakBytes: max((pass) => pass.peakBytes),
    runtimeBytes: passes[0]!.runtimeBytes,
    memoryMethod: passes[0]!.memoryMethod,
    rows: passes.reduce((sum, pass) => sum + pass.error.rows, 0),
    maxAbsError: max((pass) => pass.error.maxAbsError),
    maxAbsReference: max((pass) => pass.error.maxAbsReference),
    passes: passes.length,
    retrieval: addRetrievals(passes.map((pass) => pass.retrieval)),
    targetMass: passes.some((pass) => pass.targetMass) ? meanMass(passes) : undefined,
  };
}

function addRetrievals(parts: readonly (Retrieval | undefined)[]): Retrieval | undefined {
  const sum = { scored: 0, correct: 0, farScored: 0, farCorrect: 0 };
  for (const part of parts) {
    if (!part) return undefined;
    sum.scored += part.scored;
    sum.correct += part.correct;
    sum.farScored += part.farScored;
    sum.farCorrect += part.farCorrect;
  }
  return sum;
}

/** Every pass counts the same for a job that it has. */
function meanMass(passes: readonly Pass[]): TargetMass {
  const jobs = ["induction", "local", "sink"] as const;
  const means = jobs.flatMap((job) => {
    const masses = passes.map((pass) => pass.targetMass?.[job]).filter((mass) => mass !== undefined);
    return masses.length === 0 ? [] : [[job, masses.reduce((sum, mass) => sum + mass, 0) / masses.length] as const];
  });
  return Object.fromEntries(means);
}
