import { parallelForm } from "../src/recurrence/parallel-form.ts";
import { recurrenceReference, type RecurrenceTerms } from "../src/recurrence/recurrence-reference.ts";
import type { Decay, RecurrenceJob, RecurrenceMode, WriteRule } from "../src/recurrence/recurrence.ts";
import type { Tensor } from "../src/tensor.ts";
import { asTensor } from "./attention-case.ts";
import { RandomNumbers } from "./random-numbers.ts";

export const DECAYS = ["none", "head", "token", "channel"] as const;
export const RULES = ["additive", "normalised", "delta", "general"] as const;
/** (H, G, V): as many of each, grouped, one key head, and more value heads than key heads and query heads. */
const HEADS = [
  [1, 1, 1],
  [2, 2, 2],
  [4, 2, 2],
  [4, 1, 2],
  [6, 1, 1],
  [2, 2, 4],
  [1, 1, 3],
] as const;
const WIDTHS = [1, 3, 8, 16, 32, 59, 64, 111, 128];
/** A single token, and lengths that no chunk divides. */
export const TOKENS = [1, 3, 15, 16, 17, 64, 113, 203] as const;

/** What stands in memory that a call must write. */
const POISON = NaN;

/** A random job whose output is poisoned; the same seed gives the same one. */
export function randomJob(
  rule: (typeof RULES)[number],
  decay: (typeof DECAYS)[number],
  tokens: number,
  seed: number,
  mode: RecurrenceMode = "write-and-read",
): RecurrenceJob {
  const random = new RandomNumbers(seed * 7919 + tokens);
  const [heads, kvHeads, valueHeads] = random.pick(HEADS);
  const batch = random.pick([1, 1, 2, 3]);
  // With one channel the general rule multiplies numbers: what it takes away cancels to within rounding, in any form.
  const headDim = random.pick(rule === "general" ? WIDTHS.slice(1) : WIDTHS);
  const valueDim = random.uniform() < 0.5 ? headDim : random.pick(WIDTHS);
  const shape = { batch, heads, kvHeads, valueHeads, tokens, headDim, valueDim };
  const most = Math.max(heads, valueHeads);
  const ragged = random.uniform() < 0.4;
  const lengths = ragged
    ? Int32Array.from({ length: batch }, () => (random.uniform() < 0.3 ? 0 : random.integer(0, tokens)))
    : undefined;
  const view = (count: number, width: number, of: (row: Float32Array) => void = () => undefined): Tensor => {
    const data = random.normal(batch * count * tokens * width);
    for (let at = 0; at < data.length; at += width) of(data.subarray(at, at + width));
    // Nobody has these tokens.
    for (let row = 0; row < batch * count * tokens; row++) {
      const b = Math.floor(row / tokens / count);
      if (row % tokens >= (lengths?.[b] ?? tokens)) data.fill(POISON, row * width, (row + 1) * width);
    }
    return asTensor(data, [batch, count, tokens, width], random.pick(["bhnd", "bnhd", "padded"]));
  };
  const positive = (row: Float32Array): void => row.forEach((x, i) => (row[i] = Math.abs(x)));
  // Longer keys would let the delta rules overshoot. Of length 1, a single channel would be 1, and plain f32 had no errors to compare with.
  const unit = (row: Float32Array): void => {
    const norm = 1.07 * Math.hypot(...row);
    for (let d = 0; d < row.length; d++) row[d]! /= norm;
  };
  // As in RWKV-7, what is read is taken away in part: with any b, states grow without bound and errors with them.
  const directions: Float32Array[] = [];
  const direction = (row: Float32Array): void => {
    unit(row);
    directions.push(row.slice());
  };
  const takenAway = (row: Float32Array): void => {
    const read = directions.shift()!;
    for (let d = 0; d < row.length; d++) row[d] = -random.uniform() * read[d]!;
  };
  const gate = (row: Float32Array): void => row.forEach((_, i) => (row[i] = randomLog(random)));
  const keys = rule === "additive" ? undefined : rule === "normalised" ? positive : unit;
  const logs: Decay =
    decay === "none"
      ? { kind: decay }
      : decay === "head"
        ? { kind: decay, log: Float32Array.from({ length: valueHeads }, () => randomLog(random)) }
        : { kind: decay, log: view(valueHeads, decay === "token" ? 1 : headDim, gate) };
  const how: WriteRule =
    rule === "delta"
      ? { kind: rule, beta: view(valueHeads, 1, (row) => row.forEach((_, i) => (row[i] = random.uniform()))) }
      : rule === "general"
        ? { kind: rule, a: view(valueHeads, headDim, direction), b: view(valueHeads, headDim, takenAway) }
        : { kind: "additive" };
  const begun = mode === "read" || random.uniform() < 0.5;
  const rows = batch * valueHeads * headDim;
  const start = (length: number): Float32Array => (begun ? random.normal(length) : new Float32Array(length));
  const normaliser = start(rows);
  positive(normaliser);
  return {
    shape,
    q: view(heads, headDim, rule === "normalised" ? positive : undefined),
    k: view(kvHeads, headDim, keys),
    v: view(valueHeads, valueDim),
    scale: rule === "normalised" ? 1 : random.pick([1, 0.25, -0.5]),
    decay: logs,
    rule: how,
    mode,
    lengths,
    state: start(rows * valueDim),
    normaliser: rule === "normalised" ? normaliser : undefined,
    out: asTensor(
      new Float32Array(batch * most * tokens * valueDim).fill(POISON),
      [batch, most, tokens, valueDim],
      random.pick(["bhnd", "bnhd", "padded"]),
    ),
  };
}

/** None, hardly any, strong, and what models have. */
function randomLog(random: RandomNumbers): number {
  return random.pick([0, -1e-6, -50, -random.uniform(), -0.1 * random.uniform(), -5 * random.uniform()]);
}

/** A copy whose output and states are its own. */
export function ownJob(job: RecurrenceJob): RecurrenceJob {
  const data = (job.out.data as Float32Array).slice();
  return { ...job, out: { ...job.out, data }, state: job.state.slice(), normaliser: job.normaliser?.slice() };
}

export function parallelOf(terms: RecurrenceTerms): Float64Array {
  return parallelForm(terms, { causal: true, f32: false });
}

export const exactly: typeof recurrenceReference = recurrenceReference;
