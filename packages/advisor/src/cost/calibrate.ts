import { dense, openRuntime, tensor, type Runtime, type RuntimeName, type Tensor } from "@saccade/core";
import { slidingWindow } from "@saccade/sliding-window";
import { candidate } from "../catalogue/candidate-of.ts";
import type { Candidate, CandidateTokens } from "../catalogue/candidate.ts";
import { ENTRIES } from "../catalogue/entries/all-entries.ts";
import type { Calibration, Correction } from "./calibration.ts";
import { fastest, processorMs } from "./fastest.ts";
import { keptCalibration, type CalibrationPlace } from "./calibration-file.ts";
import { expectedNs } from "./predict.ts";
import { residentBytes, thisMachine } from "./this-machine.ts";
import { sizesOf, workOf } from "./work.ts";

export interface CalibrateOptions {
  /** Default "auto". */
  readonly runtime?: "auto" | RuntimeName | undefined;
  /** Threads that calls may use at most. Default: the available parallelism. */
  readonly threads?: number | undefined;
  /** Where it is kept: a file, true for the user's cache folder, false for nowhere. Default true. Browsers keep nothing. */
  readonly cache?: CalibrationPlace | undefined;
  /** Names of the variants to measure; what is predicted of others is what the formulas say. Only where nothing is kept. Default: all. */
  readonly variants?: readonly string[] | undefined;
  /** Measure anew even where a kept one fits. Default false. */
  readonly again?: boolean | undefined;
}

/** Timed calls of everything that is measured. */
const CALLS = 4;
const WIDTHS = [32, 64, 128, 256] as const;
/** Tokens of the calls that are measured, and the time that they should at least take; shorter ones take four times as many. */
const TOKENS = 1024;
const LEAST_MS = 0.4;
/** A ratio of measured to expected time that is believed at once, and how often others are measured. */
const [LIKELY, ROUNDS] = [1.5, 4];

/** What runtimes were found to take at least, in a process that has run nothing on them before: threads with stacks and code of their own. */
const RUNTIME_BYTES: Readonly<Record<string, number>> = { native: 2e6, wasm: 30e6 };

/** Settings with which a variant is measured, where those of the catalogue would come to dense attention in a call that short. */
const SETTINGS: Readonly<Record<string, string>> = {
  window: "window:128:sinks=4",
  chunk: "chunk:128",
  "segment-recurrence": "segment-recurrence:128:memory=128",
  "dual-chunk": "dual-chunk:256:local=64",
  "dilated-segments": "dilated-segments:128",
  "compressive-memory": "compressive-memory:128",
  longformer: "longformer:128",
  "a-shape": "a-shape:128",
  "top-k-blocks": "top-k-blocks:32:k=8",
  "native-sparse": "native-sparse:32:selected=6:window=128",
  "page-select": "page-select:256",
  "vertical-slash": "vertical-slash:128:slashes=40",
  "oracle-blocks": "oracle-blocks:32:k=8",
  "index-top-k": "index-top-k:128",
};

/**
 * Measures this machine in some three seconds, or reads what was measured before with the same processor, runtime and version.
 *
 * @throws Error when the runtime does not open.
 */
export async function calibrate(options: CalibrateOptions = {}): Promise<Calibration> {
  const { runtime: name = "auto" } = options;
  const cache = options.variants === undefined && (options.cache ?? true);
  const before = residentBytes();
  await using runtime = await openRuntime(name, { threads: options.threads });
  const info = await warmedUp(runtime);
  const runtimeBytes = Math.max(RUNTIME_BYTES[info.runtime] ?? 0, residentBytes() - before);
  const machine = { ...thisMachine(), runtime: info.runtime, instructionSet: info.instructionSet };
  const threads = options.threads ?? machine.cores;
  const kept = keptCalibration(cache, { ...machine, threads });
  const known = options.again === true ? undefined : kept.read();
  if (known !== undefined) return known;
  const attend = await attendTimes(runtime);
  const recurrenceNs = [await recurrenceTime(runtime, 64), await recurrenceTime(runtime, 128)] as const;
  const rates = { attend, recurrenceNs };
  const read = [await stepRead(runtime, 2 ** 20), await stepRead(runtime, 2 ** 23), await stepRead(runtime, 2 ** 26)];
  const wide = threads === 1 ? read[2]! : await stepRead(runtime, 2 ** 26, threads);
  const variants: Record<string, Correction> = {};
  const names = options.variants ?? ENTRIES.map((entry) => entry.name);
  for (const each of names) variants[each] = await correctionOf(candidate(SETTINGS[each] ?? each), runtime, rates);
  const made: Calibration = {
    version: 1,
    ...{ cpu: machine.cpu, runtime: info.runtime, instructionSet: info.instructionSet, threads },
    callMs: await callTime(runtime),
    ...rates,
    speedup: threads === 1 ? 1 : clamped(await speedupOf(runtime, threads), 1, threads),
    read,
    readSpeedup: clamped(wide.bytesPerSecond / read[2]!.bytesPerSecond, 1, threads),
    runtimeBytes,
    variants,
  };
  kept.write(made);
  return made;
}

/** Runs something of every kind once, so that nothing is compiled while it is measured. */
async function warmedUp(runtime: Runtime): Promise<{ readonly runtime: string; readonly instructionSet: string }> {
  const tokens = tokensOf({ heads: 2, tokens: 256, width: 64 });
  await candidate("retention").forward(tokens, { runtime });
  return dense({ causal: true }).forward(tokens, { runtime });
}

/** Time by rows and by pairs: two calls whose pairs differ. */
async function attendTimes(runtime: Runtime): Promise<Calibration["attend"]> {
  const times: { width: number; rowNs: number; pairNs: number }[] = [];
  for (const width of WIDTHS) {
    const tokens = tokensOf({ heads: 2, tokens: TOKENS, width });
    const near = slidingWindow({ window: 32 });
    const [few, many] = [near, dense({ causal: true })];
    const shape = { heads: 2, queries: TOKENS, headDim: width };
    const [a, b] = [few.plan(shape).visiblePairs, many.plan(shape).visiblePairs];
    const [first, second] = [
      await fastest(() => few.forward(tokens, { runtime, threads: 1 }), { calls: 8 }),
      await fastest(() => many.forward(tokens, { runtime, threads: 1 }), { calls: 8 }),
    ];
    const pairNs = Math.max(0, ((second - first) * 1e6) / (b - a));
    times.push({ width, pairNs, rowNs: Math.max(0, (first * 1e6 - a * pairNs) / (2 * TOKENS)) });
  }
  return times;
}

async function recurrenceTime(runtime: Runtime, width: number): Promise<number> {
  const retention = candidate("retention");
  const length = 4 * TOKENS;
  const tokens = tokensOf({ heads: 2, tokens: length, width });
  const ms = await fastest(() => retention.forward(tokens, { runtime, threads: 1 }), { calls: 6 });
  return (ms * 1e6) / retention.plan({ heads: 2, queries: length, headDim: width }).flops;
}

/**
 * What threads bring dense attention: by the time it takes, or by what its threads compute, where other programs take the processor away
 * from them.
 */
async function speedupOf(runtime: Runtime, threads: number): Promise<number> {
  const tokens = tokensOf({ heads: 4, tokens: TOKENS, width: 64 });
  const attend = dense({ causal: true });
  const one = await fastest(() => attend.forward(tokens, { runtime, threads: 1 }), { calls: 2 * CALLS });
  const all = await fastest(() => attend.forward(tokens, { runtime, threads }), { threads, calls: 4 * CALLS });
  const [before, calls] = [processorMs(), 4 * CALLS];
  for (let i = 0; i < calls; i++) await attend.forward(tokens, { runtime, threads });
  const computed = (processorMs() - before) / calls;
  return Math.max(one / all, computed > 0 ? (threads * one) / computed : 1);
}

/** What one call of a variant says about the formulas. */
async function correctionOf(
  measured: Candidate,
  runtime: Runtime,
  rates: Pick<Calibration, "attend" | "recurrenceNs">,
): Promise<Correction> {
  const at = async (width: number): Promise<number> => {
    const expected = (length: number): number => {
      const shape = { heads: 2, queries: length, headDim: width, threads: 1, runtime };
      const { kernelNs, scriptNs } = expectedNs(workOf(measured, shape), sizesOf(shape), rates);
      return (kernelNs + scriptNs) / 1e6;
    };
    // A call that is over at once says more about calls than about the variant.
    const few = (64 * TOKENS) / width;
    const length = expected(few) < LEAST_MS ? 4 * few : few;
    const tokens = tokensOf({ heads: 2, tokens: length, width });
    let ratio = Infinity;
    // Formulas are rarely that far off, and a machine that is busy for a moment often is: it is looked at again.
    for (let round = 0; round < ROUNDS && ratio > LIKELY; round++) {
      const ms = await fastest(() => measured.forward(tokens, { runtime, threads: 1 }), { enough: 30 });
      ratio = Math.min(ratio, ms / expected(length));
    }
    return ratio;
  };
  return { prefill: [await at(64), await at(128)], stepMs: await stepTime(measured, runtime) };
}

/** A step with little behind it. */
async function stepTime(measured: Candidate, runtime: Runtime): Promise<number | undefined> {
  if (measured.noDecoder !== undefined) return undefined;
  await using decoder = measured.decoder({ heads: 2, headDim: 64, capacity: 256, runtime, threads: 1 });
  await decoder.append(tokensOf({ heads: 2, tokens: 64, width: 64 }));
  const step = tokensOf({ heads: 2, tokens: 1, width: 64 });
  let least = Infinity;
  for (let i = 0; i < 24; i++) {
    const start = performance.now();
    decoder.appendSync(step);
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

/** Bytes a second at which steps of dense attention read a cache of so many, beyond what a step takes with nothing to read. */
async function stepRead(runtime: Runtime, bytes: number, threads = 1): Promise<Calibration["read"][number]> {
  // Many heads, so that a cache is large while its prompt is short.
  const [heads, width] = [32, 128];
  const length = bytes / (4 * heads * 2 * width);
  const attend = dense({ causal: true });
  const step = tokensOf({ heads, tokens: 1, width });
  const stepMs = async (tokens: number): Promise<number> => {
    const options = { heads, headDim: width, capacity: tokens + 2 * CALLS, runtime };
    await using decoder = attend.decoder(options);
    await decoder.append(tokensOf({ heads, tokens, width }));
    return await fastest(() => decoder.appendSync(step, { threads }), { threads, calls: 2 * CALLS - 1 });
  };
  const ms = (await stepMs(length)) - (await stepMs(1));
  return { bytes, bytesPerSecond: bytes / (Math.max(ms, 1e-3) / 1e3) };
}

async function callTime(runtime: Runtime): Promise<number> {
  const tokens = tokensOf({ heads: 1, tokens: 1, width: 64 });
  return fastest(() => dense({ causal: true }).forward(tokens, { runtime, threads: 1 }), { calls: 20 });
}

/** Numbers in -1.7..1.7 from a small generator: of variance 1, and quick to make. */
function tokensOf({ heads, tokens, width }: Readonly<Record<"heads" | "tokens" | "width", number>>): CandidateTokens {
  let state = 1;
  const rows = (): Tensor => {
    const numbers = new Float32Array(heads * tokens * width);
    for (let i = 0; i < numbers.length; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      numbers[i] = (state / 2 ** 32 - 0.5) * 3.46;
    }
    return tensor(numbers, { shape: [1, heads, tokens, width] });
  };
  return { q: rows(), k: rows(), v: rows() };
}

function clamped(x: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, x));
}
