import type { RecurrenceJob } from "../../recurrence/recurrence.ts";
import { floatsOf, type Strides, type Tensor } from "../../tensor.ts";
import { DECAY_CODE, MODE_CODE, RULE_CODE } from "../recur-codes.ts";
import { copyBox, type Box } from "./copies.ts";
import type { KernelExports } from "./kernel-instance.ts";
import type { LinearMemory } from "./linear-memory.ts";
import { RECURRENCE, RECURRENCE_WORDS } from "./recurrence-layout.ts";
import { Regions } from "./regions.ts";

/** Operations of a slice of tokens: a few milliseconds. */
const SLICE_FLOPS = 32e6;
/** Tokens of a slice are a multiple of every chunk length, so that chunks begin where they would without slices. */
const SLICE_STEP = 64;
/** Columns of an item; one thread takes them one after the other. */
const PANEL = 128;

/**
 * Runs a recurrence on this thread, state by state and slice by slice of tokens, and stops after each. Tokens pass through linear
 * memory; a state lies there until its last token.
 */
export function* recurInMemory(job: RecurrenceJob, memory: LinearMemory, kernels: KernelExports): Generator<void> {
  const { batch, valueHeads } = job.shape;
  for (let b = 0; b < batch; b++) {
    for (let s = 0; s < valueHeads; s++) {
      const state = new StagedState(job, b, s, memory, kernels);
      try {
        for (let from = 0; from < job.shape.tokens; from += state.tokens) {
          state.run(from, Math.min(state.tokens, job.shape.tokens - from));
          yield;
        }
        state.save();
      } finally {
        state.free();
      }
    }
  }
}

/** What lies there: tokens of a slice, what they give, the state, the normaliser before and after, the length. */
type Part = "q" | "k" | "v" | "decay" | "beta" | "a" | "b" | "out" | "state" | "sums" | "after" | "length";

/** One state in linear memory with room for a slice of its tokens. */
class StagedState {
  /** Tokens of a slice. */
  readonly tokens: number;
  readonly #job: RecurrenceJob;
  readonly #b: number;
  readonly #s: number;
  readonly #memory: LinearMemory;
  readonly #kernels: KernelExports;
  readonly #heads: number;
  readonly #base: number;
  readonly #at: Readonly<Record<Part, number>>;
  readonly #scratch: number;

  constructor(job: RecurrenceJob, b: number, s: number, memory: LinearMemory, kernels: KernelExports) {
    const { heads, valueHeads, tokens, headDim: D, valueDim: E } = job.shape;
    this.#job = job;
    this.#b = b;
    this.#s = s;
    this.#memory = memory;
    this.#kernels = kernels;
    this.#heads = Math.max(1, heads / valueHeads);
    const slice = Math.max(1, Math.floor(SLICE_FLOPS / (8 * D * E * this.#heads) / SLICE_STEP)) * SLICE_STEP;
    this.tokens = Math.min(tokens, slice);
    const region = new Regions(RECURRENCE_WORDS);
    const rows = (count: number, width: number): number => region.take(count * this.tokens * width);
    const { decay, rule } = job;
    this.#at = {
      q: rows(this.#heads, D),
      k: rows(1, D),
      v: rows(1, E),
      out: rows(this.#heads, E),
      decay: decay.kind === "none" ? 0 : rows(1, decay.kind === "channel" ? D : 1),
      beta: rule.kind === "delta" ? rows(1, 1) : 0,
      a: rule.kind === "general" ? rows(1, D) : 0,
      b: rule.kind === "general" ? rows(1, D) : 0,
      state: region.take(D * E),
      sums: region.take(D),
      after: region.take(D),
      length: region.take(1),
    };
    const header = memory.allocate(4 * RECURRENCE_WORDS);
    this.#write(header, 0, this.tokens);
    const scratch = kernels.recurScratchFloats(header);
    memory.free(header);
    this.#scratch = region.take(scratch);
    this.#base = memory.allocate(4 * region.floats);
    const word = this.#base / 4;
    const floats = memory.floats();
    const states = (b * valueHeads + s) * D;
    floats.set(job.state.subarray(states * E, (states + D) * E), word + this.#at.state);
    if (job.normaliser !== undefined) floats.set(job.normaliser.subarray(states, states + D), word + this.#at.sums);
  }

  /** Tokens [from, from + count) of the state's own. */
  run(from: number, count: number): void {
    const { q, k, v, decay, rule, mode, shape, lengths, out } = this.#job;
    const word = this.#base / 4;
    const queryHead =
      shape.heads > shape.valueHeads ? this.#s * this.#heads : Math.floor((this.#s * shape.heads) / shape.valueHeads);
    if (mode !== "write") this.#put(q, queryHead, this.#heads, from, count, this.#at.q);
    if (mode !== "read") {
      this.#put(k, Math.floor((this.#s * shape.kvHeads) / shape.valueHeads), 1, from, count, this.#at.k);
      this.#put(v, this.#s, 1, from, count, this.#at.v);
      if (decay.kind === "head") this.#memory.floats()[word + this.#at.decay] = decay.log[this.#s]!;
      if (decay.kind === "token" || decay.kind === "channel")
        this.#put(decay.log, this.#s, 1, from, count, this.#at.decay);
      if (rule.kind === "delta") this.#put(rule.beta, this.#s, 1, from, count, this.#at.beta);
      if (rule.kind === "general") {
        this.#put(rule.a, this.#s, 1, from, count, this.#at.a);
        this.#put(rule.b, this.#s, 1, from, count, this.#at.b);
      }
    }
    const length = (lengths?.[this.#b] ?? shape.tokens) - from;
    this.#memory.ints()[word + this.#at.length] = Math.max(0, Math.min(count, length));
    this.#write(this.#base, this.#base, count);
    const items = Math.ceil(shape.valueDim / PANEL);
    for (let item = 0; item < items; item++) this.#kernels.recur(this.#base, item, this.#base + 4 * this.#scratch);
    const floats = this.#memory.floats();
    if (this.#job.normaliser !== undefined && mode !== "read") {
      floats.copyWithin(word + this.#at.sums, word + this.#at.after, word + this.#at.after + shape.headDim);
    }
    if (mode === "write") return;
    const box: Box = { batch: 1, heads: this.#heads, rows: count, width: shape.valueDim };
    const { strides } = out;
    const to = out.offset + this.#b * strides.b + this.#s * this.#heads * strides.h + from * strides.n;
    copyBox(floatsOf(out), to, strides, floats, word + this.#at.out, headsOutermost(box), box);
  }

  /** The state and the normaliser after the last token. */
  save(): void {
    const { state, normaliser, mode, shape } = this.#job;
    if (mode === "read") return;
    const { headDim: D, valueDim: E, valueHeads } = shape;
    const floats = this.#memory.floats();
    const word = this.#base / 4;
    const states = (this.#b * valueHeads + this.#s) * D;
    state.set(floats.subarray(word + this.#at.state, word + this.#at.state + D * E), states * E);
    normaliser?.set(floats.subarray(word + this.#at.sums, word + this.#at.sums + D), states);
  }

  free(): void {
    this.#memory.free(this.#base);
  }

  /** Rows of some heads, [heads, count, width]. */
  #put(view: Tensor, head: number, heads: number, from: number, count: number, at: number): void {
    const { width, offset, strides } = view;
    const box: Box = { batch: 1, heads, rows: count, width };
    const row = offset + this.#b * strides.b + head * strides.h + from * strides.n;
    const [floats, word] = [this.#memory.floats(), this.#base / 4];
    copyBox(floats, word + at, headsOutermost(box), floatsOf(view), row, strides, box);
  }

  #write(at: number, base: number, count: number): void {
    const { shape, decay, rule, mode, scale, normaliser, lengths } = this.#job;
    const { headDim: D, valueDim: E } = shape;
    const ints = this.#memory.ints();
    const word = at / 4;
    ints.fill(0, word, word + RECURRENCE_WORDS);
    const place = (field: keyof typeof RECURRENCE, value: number): void => {
      ints[word + RECURRENCE[field]] = value;
    };
    const address = (name: Part): number => base + 4 * this.#at[name];
    for (const name of ["q", "k", "v", "out", "decay", "beta", "a", "b", "state"] as const) place(name, address(name));
    if (normaliser !== undefined) {
      place("sums", address("sums"));
      place("sumsAfter", address("after"));
    }
    if (lengths !== undefined) place("lengths", address("length"));
    const step = (
      field: "qStep" | "kStep" | "vStep" | "decayStep" | "betaStep" | "aStep" | "bStep" | "outStep",
      width: number,
    ): void => {
      ints.set([0, count * width, width], word + RECURRENCE[field]);
    };
    step("qStep", D);
    step("kStep", D);
    step("vStep", E);
    step("outStep", E);
    step("decayStep", decay.kind === "channel" ? D : decay.kind === "token" ? 1 : 0);
    step("betaStep", 1);
    step("aStep", D);
    step("bStep", D);
    this.#memory.floats()[word + RECURRENCE.scale] = scale;
    const sizes = { B: 1, H: this.#heads, G: 1, V: 1, N: count, D, E, first: 0, last: count, panel: PANEL } as const;
    for (const [name, size] of Object.entries(sizes)) place(name as keyof typeof sizes, size);
    place("decayKind", DECAY_CODE[decay.kind]);
    place("rule", RULE_CODE[rule.kind]);
    place("mode", MODE_CODE[mode]);
  }
}

function headsOutermost({ heads, rows, width }: Box): Strides {
  return { b: heads * rows * width, h: rows * width, n: width };
}
