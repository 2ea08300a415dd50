import type { Candidate } from "@saccade/advisor";
import { type MixResult, openRuntime, type RunInfo, type Runtime } from "@saccade/core";
import { headRangesOf } from "../accuracy/head-ranges.ts";
import { measureAccuracy } from "../accuracy/measure-accuracy.ts";
import { heldInput } from "../input/held-input.ts";
import type { HeadRange, Input } from "../input/input.ts";
import { openInput } from "../input/open-input.ts";
import { variantIn } from "../variants/variants.ts";
import type { CellFindings, CellJob, CellStage } from "./cell-job.ts";
import { groupSizes, inputBytes, outputBytes } from "./call-sizes.ts";
import { measureDecode } from "./measure-decode.ts";
import { collectGarbage, type MemoryMethod, residentBytes, startPeakMeter } from "./memory.ts";
import { planPrompt, type PromptPlan, rows, runPrompt } from "./pieces.ts";
import type { Decode } from "./record.ts";
import { timedCalls, type Timing } from "./timed-calls.ts";

/** Tokens of the call that starts threads and compiles before the real one. */
const FIRST_TOKENS = 16;

/** Share of a cell's time after which nothing more is begun of its accuracy: a cell that is stopped keeps nothing. */
const ACCURACY_BEFORE = 0.7;

/** Tells the parent what is going on, and waits until that is sent. */
export type Tell = (stage: CellStage) => Promise<void>;

/** What one group of heads gave. */
interface GroupFindings {
  readonly ran: RunInfo;
  readonly prompt: PromptPlan;
  readonly timing: Timing;
  readonly peakBytes: number;
  readonly runtimeBytes: number;
  readonly method: MemoryMethod;
  readonly decode: Decode | undefined;
}

/** Measures one cell in this process. Memory is only meaningful in a process that did nothing before. */
export async function measureCell(job: CellJob, tell: Tell): Promise<CellFindings> {
  const start = performance.now();
  const { length, variant } = job.key;
  const candidate = await variantIn(job.module, variant);
  const input = heldInput(openInput(job.input));
  const groups = headRangesOf(input, length, job.inputBytesAtOnce);
  let runtime: Runtime | undefined;
  try {
    const findings: GroupFindings[] = [];
    for (const group of groups) {
      input.slice(length, group);
      await tell("prefill");
      await collectGarbage();
      const before = residentBytes();
      runtime ??= await openRuntime(job.key.runtime, { threads: job.measure.threads });
      const leftMs = (): number => 1000 * job.measure.cellSeconds - (performance.now() - start);
      findings.push(await measureGroup(job, candidate, input, group, runtime, before, leftMs, tell));
    }
    await tell("accuracy");
    const { cacheFolder, seed, inputBytesAtOnce: bytesAtOnce, measure } = job;
    const { threads, cellBytes: mostBytes, cellSeconds } = measure;
    const outOfTime = (): boolean => performance.now() - start > 1000 * ACCURACY_BEFORE * cellSeconds;
    const context = { runtime, threads, cacheFolder, seed, bytesAtOnce, mostBytes, outOfTime };
    return {
      ...joined(job, candidate, input, findings),
      ...(await measureAccuracy(candidate, input, length, measure, context)),
    };
  } finally {
    await runtime?.[Symbol.asyncDispose]();
  }
}

async function measureGroup(
  { key: { length }, measure }: CellJob,
  candidate: Candidate,
  input: Input,
  group: HeadRange,
  runtime: Runtime,
  before: number,
  leftMs: () => number,
  tell: Tell,
): Promise<GroupFindings> {
  const tokens = input.slice(length, group);
  const sizes = groupSizes(input, length, group);
  const prompt = planPrompt(candidate, sizes, runtime);
  const options = { runtime, threads: measure.threads };
  await candidate.forward(rows(tokens, 0, Math.min(FIRST_TOKENS, length), 0), options);
  const runtimeBytes = Math.max(0, residentBytes() - before);

  const meter = startPeakMeter();
  const start = performance.now();
  const {
    runtime: name,
    instructionSet,
    threads,
    notTaken,
    out,
  } = await runPrompt(candidate, tokens, sizes, prompt, options);
  const firstMs = performance.now() - start;
  const peakBytes = Math.max(0, meter.peakBytes() - before);

  // Fresh memory costs more time than small calls do: where a call's output is whole, those that are timed write into the first one's.
  const again = prompt.pieces === 1 ? { ...options, out } : options;
  const timedRun = (): Promise<MixResult> => runPrompt(candidate, tokens, sizes, prompt, again);
  const { timeSeconds: seconds, repeats, decodeSteps } = measure;
  const timing = await timedCalls(timedRun, { seconds, repeats, firstMs });
  await tell("decoding");
  // Filling a cache takes about as long as the prompt did; where the cell's time is not enough for it, it is left out.
  const decodes = decodeSteps > 0 && timing.medianMs < leftMs() / 2;
  return {
    ran: { runtime: name, instructionSet, threads, notTaken },
    prompt,
    timing,
    peakBytes,
    runtimeBytes,
    method: meter.method,
    decode: decodes ? await measureDecode(candidate, tokens, sizes, decodeSteps, options) : undefined,
  };
}

function joined(
  { key: { length } }: CellJob,
  candidate: Candidate,
  input: Input,
  groups: readonly GroupFindings[],
): Pick<CellFindings, "ran" | "prefill" | "memory" | "decode"> {
  const sizes = { ...input, length };
  const { heads, kvHeads, headDim, valueDim } = input;
  const plan = candidate.plan({ heads, kvHeads, headDim, valueDim, queries: length });
  const [first] = groups;
  if (first === undefined) throw new Error("cell: expected at least one group of heads");
  const sum = (of: (group: GroupFindings) => number): number => groups.reduce((total, group) => total + of(group), 0);
  const max = (of: (group: GroupFindings) => number): number => Math.max(...groups.map(of));
  const medianMs = sum(({ timing }) => timing.medianMs);
  return {
    ran: first.ran,
    prefill: {
      medianMs,
      p75Ms: sum(({ timing }) => timing.p75Ms),
      rme: max(({ timing }) => timing.rme),
      samples: Math.min(...groups.map(({ timing }) => timing.samples)),
      tokensPerSecond: (1000 * length) / medianMs,
      flops: plan.flops,
      bytesRead: plan.bytesRead,
      visitedPairs: plan.visitedPairs,
      gflops: plan.flops / medianMs / 1e6,
    },
    memory: {
      inputBytes: inputBytes(sizes),
      outputBytes: outputBytes(sizes),
      planBytes: max(({ prompt }) => prompt.planBytes),
      peakBytes: max(({ peakBytes }) => peakBytes),
      runtimeBytes: first.runtimeBytes,
      method: first.method,
      passes: sum(({ prompt }) => prompt.pieces),
    },
    decode: joinedDecodes(groups.map(({ decode }) => decode)),
  };
}

/** Of all groups of heads, one after the other; undefined where one of them was left out. */
function joinedDecodes(decodes: readonly (Decode | undefined)[]): Decode | undefined {
  return decodes.reduce((a, b) =>
    a === undefined || b === undefined
      ? undefined
      : {
          medianMs: a.medianMs + b.medianMs,
          p99Ms: a.p99Ms + b.p99Ms,
          steps: a.steps,
          cacheBytes: a.cacheBytes + b.cacheBytes,
        },
  );
}
