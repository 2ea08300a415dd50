import type { Candidate, CandidateShape } from "../catalogue/candidate.ts";
import type { Calibration } from "./calibration.ts";
import { otherBytes } from "./other-bytes.ts";
import { planFor } from "./pairs.ts";
import { sizesOf, workOf, type CallSizes, type Work } from "./work.ts";

/** A predicted time, and what it consists of. */
export interface PredictedTime {
  readonly ms: number;
  /** Of it, what kernels take, on all threads. */
  readonly kernelMs: number;
  /** Of it, what the calling thread does beside them. */
  readonly scriptMs: number;
}

/** Bytes that are in memory at once. */
export interface PredictedMemory {
  readonly totalBytes: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly workspaceBytes: number;
  /** A decoder's, 0 for a call alone. */
  readonly cacheBytes: number;
  /** What the runtime takes however small the call. */
  readonly runtimeBytes: number;
  /** Results that are staged beside their place, and what waits for the garbage collector: an upper estimate. */
  readonly otherBytes: number;
}

/**
 * How long a call takes on a machine that was measured.
 *
 * ```text
 *   t(1)  = correction (rows c_row + pairs c_pair + operations c_op + script) + call
 *   t(T)  = the same with rows, pairs and operations divided by what T threads bring
 * ```
 *
 * c_row and c_pair come from dense and windowed attention at four widths, c_op from a recurrence without gates, and the correction from
 * one call of the variant itself; between widths, times go with a power of the width.
 *
 * @throws RangeError for a shape that the candidate refuses.
 */
export function predictPrefill(candidate: Candidate, shape: CandidateShape, machine: Calibration): PredictedTime {
  const sizes = sizesOf(shape);
  const { kernelNs, scriptNs } = expectedNs(workOf(candidate, shape), sizes, machine);
  const correction = correctionOf(candidate, sizes, machine);
  const threads = shape.threads ?? machine.threads;
  const units = threads === 1 ? 1 : unitsOf(candidate, sizes);
  const [kernelMs, scriptMs] = [
    (correction * kernelNs) / 1e6 / Math.min(units, speedupOf(machine, threads)),
    (correction * scriptNs) / 1e6,
  ];
  return { ms: kernelMs + scriptMs + machine.callMs, kernelMs, scriptMs };
}

/** Parts that threads can take: a recurrence has its heads and panels of columns, attention as many as it has rows in blocks. */
function unitsOf(candidate: Candidate, { batch, heads, kvHeads, tokens, valueDim }: CallSizes): number {
  if (candidate.family === "linear") return Math.max(1, batch * Math.max(heads, kvHeads) * Math.ceil(valueDim / 32));
  return Math.max(1, batch * heads * Math.ceil(tokens / 64));
}

/** Time by the formulas, on one thread and without a correction. */
export function expectedNs(
  work: Work,
  { headDim, valueDim }: CallSizes,
  machine: Pick<Calibration, "attend" | "recurrenceNs">,
): { readonly kernelNs: number; readonly scriptNs: number } {
  const width = (headDim + valueDim) / 2;
  const [row, pair] = [
    betweenWidths(machine.attend.map(({ width: at, rowNs }) => [at, rowNs])),
    betweenWidths(machine.attend.map(({ width: at, pairNs }) => [at, pairNs])),
  ];
  const [narrow, wide] = machine.recurrenceNs;
  const operation = betweenWidths([
    [64, narrow],
    [128, wide],
  ])(width);
  // A score is half of a pair's work.
  const scores = work.selectingFlops / (2 * headDim);
  return {
    kernelNs:
      work.rows * row(width) + (work.pairs + scores / 2) * pair(width) + work.recurrenceFlops * Math.max(operation, 0),
    scriptNs: work.scriptNs,
  };
}

/** A power of the width between points, and beyond them. */
export function betweenWidths(points: readonly (readonly [width: number, value: number])[]): (width: number) => number {
  return (width) => {
    const next = points.findIndex(([at]) => at >= width);
    const end = Math.max(1, next === -1 ? points.length - 1 : next);
    const [[x0, y0], [x1, y1]] = [points[end - 1]!, points[end] ?? points[end - 1]!];
    if (x0 === x1 || !(y0 > 0 && y1 > 0)) return y1;
    return y0 * (width / x0) ** (Math.log(y1 / y0) / Math.log(x1 / x0));
  };
}

/** Measured over expected; not beyond what was measured at either width. */
function correctionOf({ spec }: Candidate, { headDim }: CallSizes, machine: Calibration): number {
  const [narrow, wide] = machine.variants[spec.variant]?.prefill ?? [1, 1];
  return betweenWidths([
    [64, narrow],
    [128, wide],
  ])(Math.min(128, Math.max(64, headDim)));
}

function speedupOf({ threads: most, speedup }: Calibration, threads: number): number {
  if (threads <= 1 || most <= 1) return 1;
  // Amdahl's share that does not shrink, from what was measured.
  const serial = Math.max(0, (most / speedup - 1) / (most - 1));
  const taken = Math.min(threads, most);
  return taken / (1 + serial * (taken - 1));
}

/**
 * How long a decoder's step takes with M = `queries` tokens behind it: what a step takes with nothing behind it, and what it reads.
 *
 * @throws TypeError where the candidate has no decoder.
 */
export function predictDecode(candidate: Candidate, shape: CandidateShape, machine: Calibration): PredictedTime {
  if (candidate.noDecoder !== undefined) {
    throw new TypeError(`variant "${candidate.id}" has no decoder: ${candidate.noDecoder}`);
  }
  const bytes = stepBytes(candidate, shape);
  const floor = machine.variants[candidate.spec.variant]?.stepMs ?? machine.callMs;
  const threads = shape.threads ?? machine.threads;
  const gain = threads > 1 && bytes > 1e6 ? machine.readSpeedup : 1;
  const scriptMs = choosingMs(candidate, shape);
  const kernelMs = (bytes / bandwidthOf(bytes, machine) / gain) * 1e3;
  return { ms: floor + scriptMs + kernelMs, kernelMs, scriptMs: floor + scriptMs };
}

/** What a step reads: keys and values that are visible to it, means or bounds of the others, or a state, which it also writes. */
export function stepBytes(candidate: Candidate, shape: CandidateShape): number {
  const { queries } = shape;
  if (candidate.family === "linear" || candidate.spec.variant === "compressive-memory") {
    const state = candidate.plan({ ...shape, keys: undefined }).cacheBytes;
    return candidate.spec.variant === "log-linear" ? state : 2 * state;
  }
  const step = candidate.plan({ ...shape, queries: 1, keys: queries });
  const group = shape.heads / (shape.kvHeads ?? shape.heads);
  return step.bytesRead + (2 * step.selectingFlops) / group;
}

/** Choosing among the blocks behind a step, on the calling thread. */
function choosingMs(candidate: Candidate, shape: CandidateShape): number {
  if (candidate.selection === "static") return 0;
  const { scriptNs } = workOf(candidate, { ...shape, keys: undefined });
  // A step chooses as the last row does, from twice as many as rows do on average.
  return (2 * scriptNs) / shape.queries / 1e6;
}

function bandwidthOf(bytes: number, { read }: Calibration): number {
  return betweenWidths(read.map((each) => [each.bytes, each.bytesPerSecond]))(
    Math.min(read.at(-1)!.bytes, Math.max(read[0]!.bytes, bytes)),
  );
}

/** Bytes in memory during a call, or with a decoder whose cache has taken the tokens. Gates and the like are inputs, of their full size. */
export function predictMemory(
  candidate: Candidate,
  shape: CandidateShape,
  phase: "prefill" | "decode" | "both",
  machine: Pick<Calibration, "runtimeBytes" | "runtime">,
): PredictedMemory {
  const sizes = sizesOf(shape);
  const { batch, heads, kvHeads, headDim, valueDim } = sizes;
  const tokens = phase === "decode" ? 1 : sizes.tokens;
  const inputs = heads * headDim + kvHeads * (headDim + valueDim) + inputNumbers(candidate, sizes);
  const plan = planFor(candidate, shape);
  const parts = {
    inputBytes: 4 * batch * tokens * inputs,
    outputBytes: 4 * batch * tokens * heads * valueDim,
    workspaceBytes: phase === "decode" ? 0 : plan.workspaceBytes,
    cacheBytes: phase === "prefill" ? 0 : plan.cacheBytes,
    runtimeBytes: machine.runtimeBytes,
    otherBytes: otherBytes(candidate, plan, sizes, phase, machine),
  };
  return { totalBytes: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0), ...parts };
}

/** Numbers that a token brings beside its queries, keys and values. */
function inputNumbers({ code }: Candidate, sizes: CallSizes): number {
  return Object.values(code.inputs).reduce((sum, each) => sum + each.heads(sizes) * each.width(sizes), 0);
}
