import { floatsOf } from "../tensor.ts";
import type { RecurrenceJob } from "./recurrence.ts";
import { clearRows, rowAt } from "./rows.ts";

/** Multiplications between two stops, well under a millisecond's. */
const SLICE_WORK = 100_000;

/**
 * A recurrence in plain loops, float64 inside: for runtimes without one. States are rounded to f32 when a head ends, outputs as they are
 * written. It stops every now and then, for the event loop to get a turn.
 */
export function* recurrenceLoops(job: RecurrenceJob): Generator<void> {
  const { batch, valueHeads, tokens, headDim, valueDim } = job.shape;
  const slice = Math.max(1, Math.floor(SLICE_WORK / (headDim * valueDim)));
  for (let b = 0; b < batch; b++) {
    const length = job.lengths?.[b] ?? tokens;
    for (let s = 0; s < valueHeads; s++) {
      const walk = new HeadWalk(job, b, s);
      for (let t = 0; t < length; t++) {
        if (job.mode !== "read") walk.write(t);
        if (job.mode !== "write") walk.read(t);
        if (t % slice === slice - 1) yield;
      }
      if (job.mode !== "read") walk.store();
    }
    if (job.mode !== "write") clearRows(job.out, b, length);
  }
}

/** The state of one value head on its way through the tokens. */
class HeadWalk {
  readonly #job: RecurrenceJob;
  readonly #b: number;
  readonly #s: number;
  readonly #state: Float64Array;
  readonly #normaliser: Float64Array | undefined;
  readonly #recalled: Float64Array;
  readonly #written: Float64Array;

  constructor(job: RecurrenceJob, b: number, s: number) {
    const { valueHeads, headDim, valueDim } = job.shape;
    const head = b * valueHeads + s;
    this.#job = job;
    this.#b = b;
    this.#s = s;
    this.#state = Float64Array.from(job.state.subarray(head * headDim * valueDim, (head + 1) * headDim * valueDim));
    this.#normaliser =
      job.normaliser && Float64Array.from(job.normaliser.subarray(head * headDim, (head + 1) * headDim));
    this.#recalled = new Float64Array(valueDim);
    this.#written = new Float64Array(valueDim);
  }

  write(t: number): void {
    const { shape, k, v, decay, rule } = this.#job;
    const { kvHeads, valueHeads, headDim, valueDim } = shape;
    const [state, z, recalled, written] = [this.#state, this.#normaliser, this.#recalled, this.#written];
    const [keys, values] = [floatsOf(k), floatsOf(v)];
    const key = rowAt(k, this.#b, Math.floor(this.#s / (valueHeads / kvHeads)), t);
    const value = rowAt(v, this.#b, this.#s, t);
    if (rule.kind === "general") this.#recall(floatsOf(rule.a), rowAt(rule.a, this.#b, this.#s, t));
    this.#decay(t);
    for (let e = 0; e < valueDim; e++) written[e] = values[value + e]!;
    if (rule.kind === "delta") {
      this.#recall(keys, key);
      const beta = floatsOf(rule.beta)[rowAt(rule.beta, this.#b, this.#s, t)]!;
      for (let e = 0; e < valueDim; e++) written[e] = beta * (written[e]! - recalled[e]!);
    }
    for (let d = 0; d < headDim; d++) {
      const number = keys[key + d]!;
      for (let e = 0, at = d * valueDim; e < valueDim; e++, at++) state[at]! += number * written[e]!;
    }
    if (rule.kind === "general") {
      const [b, from] = [floatsOf(rule.b), rowAt(rule.b, this.#b, this.#s, t)];
      for (let d = 0; d < headDim; d++) {
        const number = b[from + d]!;
        for (let e = 0, at = d * valueDim; e < valueDim; e++, at++) state[at]! += number * recalled[e]!;
      }
    }
    if (z === undefined) return;
    const factor = this.#factors(decay, t);
    for (let d = 0; d < headDim; d++) z[d] = factor(d) * z[d]! + keys[key + d]!;
  }

  read(t: number): void {
    const { shape, q, out, scale } = this.#job;
    const { heads, valueHeads, headDim, valueDim } = shape;
    const most = Math.max(heads, valueHeads);
    const [queries, target, z] = [floatsOf(q), floatsOf(out), this.#normaliser];
    for (let o = (this.#s * most) / valueHeads; o < ((this.#s + 1) * most) / valueHeads; o++) {
      const query = rowAt(q, this.#b, Math.floor(o / (most / heads)), t);
      this.#recall(queries, query);
      let factor = scale;
      if (z !== undefined) {
        let sum = 0;
        for (let d = 0; d < headDim; d++) sum += queries[query + d]! * z[d]!;
        factor = sum === 0 && this.#recalled.every((number) => number === 0) ? 0 : 1 / sum;
      }
      const to = rowAt(out, this.#b, o, t);
      for (let e = 0; e < valueDim; e++) target[to + e] = factor * this.#recalled[e]!;
    }
  }

  store(): void {
    const head = this.#b * this.#job.shape.valueHeads + this.#s;
    this.#job.state.set(this.#state, head * this.#state.length);
    if (this.#normaliser !== undefined) this.#job.normaliser?.set(this.#normaliser, head * this.#normaliser.length);
  }

  /** x' S */
  #recall(x: Float32Array, from: number): void {
    const { headDim, valueDim } = this.#job.shape;
    const [state, sums] = [this.#state, this.#recalled];
    sums.fill(0);
    for (let d = 0; d < headDim; d++) {
      const number = x[from + d]!;
      for (let e = 0, at = d * valueDim; e < valueDim; e++, at++) sums[e]! += number * state[at]!;
    }
  }

  #decay(t: number): void {
    const { shape, decay } = this.#job;
    if (decay.kind === "none") return;
    const factor = this.#factors(decay, t);
    for (let d = 0, at = 0; d < shape.headDim; d++) {
      const w = factor(d);
      for (let e = 0; e < shape.valueDim; e++, at++) this.#state[at]! *= w;
    }
  }

  #factors(decay: RecurrenceJob["decay"], t: number): (d: number) => number {
    if (decay.kind === "none") return () => 1;
    if (decay.kind === "channel") {
      const [log, from] = [floatsOf(decay.log), rowAt(decay.log, this.#b, this.#s, t)];
      return (d) => Math.exp(log[from + d]!);
    }
    const log =
      decay.kind === "head" ? decay.log[this.#s]! : floatsOf(decay.log)[rowAt(decay.log, this.#b, this.#s, t)]!;
    const w = Math.exp(log);
    return () => w;
  }
}
