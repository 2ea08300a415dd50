import type { RunInfo, Tensor } from "@saccade/core";
import {
  breathe,
  clearRows,
  floatsOf,
  recurStep,
  repeatedRow,
  rowAt,
  Scratch,
  tokenRows,
  type LinearState,
  type RecurrenceJob,
  type Steps,
} from "@saccade/core/variants";
import { alignedBit, bitsOf, hasBit } from "./fenwick.ts";
import { bucketAt, type LogLinearCall } from "./log-linear-variant.ts";

/** Tokens that a recurrence runs over at a time, and bytes of the states of stretches that it fills at a time. */
const PANEL = 512;
const STATE_BYTES = 4 * 2 ** 20;

/**
 * Tokens in stretches of 2^k that begin at a multiple of 2^k, the longest first. The queries of one read what came before it from the
 * states of the tree, which decay on the way; each other inside it at the levels below k; and then its tokens join the tree.
 */
export function* logLinearSteps(
  call: LogLinearCall,
  state: LinearState,
  out: Tensor | undefined,
): Steps<RunInfo | undefined> {
  const scratch = new Scratch(false);
  let info: RunInfo | undefined;
  // Results of levels are added up.
  if (out !== undefined) for (let b = 0; b < out.batch; b++) clearRows(out, b, 0);
  for (const [b, length] of call.lengths.entries()) {
    const before = state.tokens[b]!;
    for (let from = 0; from < length;) {
      const bit = alignedBit(before + from, length - from);
      const stretch = new Stretch(call, state.part("memory"), out, scratch, b, from, before + from, bit);
      info = yield* stretch.run();
      from += 2 ** bit;
    }
  }
  return info;
}

/** 2^bit tokens of a batch element from `from` on, of which the first is token `position` of the text. */
class Stretch {
  readonly #call: LogLinearCall;
  readonly #memory: Float32Array;
  readonly #out: Tensor | undefined;
  readonly #scratch: Scratch;
  readonly #b: number;
  readonly #from: number;
  readonly #position: number;
  readonly #bit: number;

  constructor(
    call: LogLinearCall,
    memory: Float32Array,
    out: Tensor | undefined,
    scratch: Scratch,
    b: number,
    from: number,
    position: number,
    bit: number,
  ) {
    this.#call = call;
    this.#memory = memory;
    this.#out = out;
    this.#scratch = scratch;
    this.#b = b;
    this.#from = from;
    this.#position = position;
    this.#bit = bit;
  }

  *run(): Steps<RunInfo | undefined> {
    const whole = { first: 0, count: 1, length: 2 ** this.#bit, step: 0 };
    for (const bit of bitsOf(this.#position)) yield* this.#recur(whole, this.#bucket(bit), "reads", bit + 1);
    if (this.#out !== undefined) {
      yield* this.#ownTokens();
      for (let bit = 0; bit < this.#bit; bit++) yield* this.#level(bit);
    }
    const { valueHeads, headDim, valueDim } = this.#call.sizes;
    const joined = this.#zeros("joined", valueHeads * headDim * valueDim);
    const info = yield* this.#recur(whole, joined, "writes", 0);
    this.#join(joined);
    return info;
  }

  /** Pairs of halves of 2^bit tokens: what the first one writes the second one reads, many pairs as a batch. */
  *#level(bit: number): Steps<void> {
    const { valueHeads, headDim, valueDim } = this.#call.sizes;
    const [length, each] = [2 ** bit, valueHeads * headDim * valueDim];
    const pairs = 2 ** (this.#bit - bit - 1);
    const most = Math.max(1, Math.min(pairs, Math.floor(PANEL / length), Math.floor(STATE_BYTES / (4 * each))));
    for (let pair = 0; pair < pairs; pair += most) {
      const count = Math.min(most, pairs - pair);
      const states = this.#zeros("states", count * each);
      const halves = { first: 2 * pair * length, count, length, step: 2 * length };
      yield* this.#recur(halves, states, "writes", 0);
      yield* this.#recur({ ...halves, first: halves.first + length }, states, "reads", bit + 1);
    }
  }

  /** What a token sees of itself, at level 0. */
  *#ownTokens(): Steps<void> {
    const { inputs, sizes, scale } = this.#call;
    const { q, k, v, levels } = inputs;
    const [out, most] = [this.#out!, Math.max(sizes.heads, sizes.valueHeads)];
    const [queries, keys, values] = [floatsOf(q), floatsOf(k), floatsOf(v)];
    const [weights, target] = [floatsOf(levels), floatsOf(out)];
    for (let o = 0; o < most; o++) {
      const s = Math.floor((o * sizes.valueHeads) / most);
      for (let n = this.#from; n < this.#from + 2 ** this.#bit; n++) {
        const query = rowAt(q, this.#b, Math.floor((o * sizes.heads) / most), n);
        const key = rowAt(k, this.#b, Math.floor((s * sizes.kvHeads) / sizes.valueHeads), n);
        let sum = 0;
        for (let d = 0; d < sizes.headDim; d++) sum += queries[query + d]! * keys[key + d]!;
        const weight = scale * sum * weights[rowAt(levels, this.#b, o, n)]!;
        const [value, to] = [rowAt(v, this.#b, s, n), rowAt(out, this.#b, o, n)];
        for (let e = 0; e < sizes.valueDim; e++) target[to + e]! += weight * values[value + e]!;
        if (n % 64 === 63) yield* breathe();
      }
    }
  }

  /**
   * `count` runs of `length` tokens, `step` apart, through as many states: their keys are written, or their queries read while the states
   * decay, and results are added with the weights of a level.
   */
  *#recur(runs: Runs, states: Float32Array, what: "writes" | "reads", level: number): Steps<RunInfo | undefined> {
    let info: RunInfo | undefined;
    for (let at = 0; at < runs.length; at += PANEL) {
      const length = Math.min(PANEL, runs.length - at);
      const part = { ...runs, first: runs.first + at, length };
      const job = this.#job(part, states, what);
      info = yield* recurStep(job);
      if (job.mode !== "write") yield* this.#add(part, job.out, level);
    }
    return info;
  }

  #job(runs: Runs, state: Float32Array, what: "writes" | "reads"): RecurrenceJob {
    const { inputs, sizes, scale } = this.#call;
    const { heads, kvHeads, valueHeads, headDim, valueDim } = sizes;
    const { count, length } = runs;
    const most = Math.max(heads, valueHeads);
    const reads = what === "reads";
    const isRead = reads && this.#out !== undefined;
    const nothing = (width: number, of: number): Tensor => repeatedRow(new Float32Array(width), count, of, length);
    const strides = { b: most * length * valueDim, h: length * valueDim, n: valueDim };
    const room = isRead ? this.#zeros("read", count * strides.b) : undefined;
    return {
      shape: { ...sizes, batch: count, tokens: length },
      q: isRead ? this.#runsOf(inputs.q, runs) : nothing(headDim, heads),
      // Keys of zeros write nothing, so that the states only decay.
      k: reads ? nothing(headDim, kvHeads) : this.#runsOf(inputs.k, runs),
      v: reads ? nothing(valueDim, valueHeads) : this.#runsOf(inputs.v, runs),
      scale,
      decay: { kind: "token", log: this.#runsOf(inputs.decay, runs) },
      rule: { kind: "additive" },
      mode: isRead ? "write-and-read" : "write",
      lengths: undefined,
      state,
      normaliser: undefined,
      out: room === undefined ? nothing(valueDim, most) : { ...nothing(valueDim, most), data: room, strides },
    };
  }

  /** Runs of this batch element's tokens as a batch. */
  #runsOf(view: Tensor, { first, count, length, step }: Runs): Tensor {
    const one = tokenRows(view, this.#from + first, this.#from + first + length, this.#b, this.#b + 1);
    return { ...one, batch: count, strides: { ...view.strides, b: step * view.strides.n } };
  }

  *#add({ first, count, length, step }: Runs, part: Tensor, level: number): Steps<void> {
    const [out, { levels }] = [this.#out!, this.#call.inputs];
    const [target, source, weights] = [floatsOf(out), floatsOf(part), floatsOf(levels)];
    for (let run = 0; run < count; run++) {
      for (let h = 0; h < out.heads; h++) {
        for (let i = 0; i < length; i++) {
          const n = this.#from + first + run * step + i;
          const weight = weights[rowAt(levels, this.#b, h, n) + level]!;
          const [to, at] = [rowAt(out, this.#b, h, n), rowAt(part, run, h, i)];
          for (let e = 0; e < out.width; e++) target[to + e]! += weight * source[at + e]!;
        }
      }
      if (run % 16 === 15) yield* breathe();
    }
    yield* breathe();
  }

  #zeros(name: string, length: number): Float32Array {
    return (this.#scratch.take(name, length) as Float32Array).fill(0);
  }

  #bucket(bit: number): Float32Array {
    const [at, length] = bucketAt(this.#call.sizes, this.#call.levels, this.#b, bit);
    return this.#memory.subarray(at, at + length);
  }

  /** As a binary counter counts: full stretches of the same length become one of twice that. */
  #join(joined: Float32Array): void {
    let bit = this.#bit;
    for (; hasBit(this.#position, bit); bit++) {
      const bucket = this.#bucket(bit);
      for (let i = 0; i < joined.length; i++) joined[i]! += bucket[i]!;
      bucket.fill(0);
    }
    // The last token of all ends the text.
    if (bit < this.#call.levels - 1) this.#bucket(bit).set(joined);
  }
}

interface Runs {
  /** Token of the stretch that the first run begins with. */
  readonly first: number;
  readonly count: number;
  readonly length: number;
  /** Tokens from the beginning of a run to that of the next. */
  readonly step: number;
}
