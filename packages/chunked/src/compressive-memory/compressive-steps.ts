import { tensor, type RunInfo, type Tensor } from "@saccade/core";
import {
  asTensor,
  attend,
  bandSchedule,
  breathe,
  clearRows,
  copyRows,
  eluPlusOne,
  floatsOf,
  joinedTokens,
  keptTokens,
  recurStep,
  rowAt,
  Scratch,
  tokenRows,
  type LinearState,
  type RecurrenceJob,
  type Steps,
} from "@saccade/core/variants";
import type { CompressiveCall } from "./compressive-call.ts";

/** Tokens that are computed at a time. */
export const PANEL = 512;

const map = eluPlusOne();

/** Batch element by batch element and segment by segment, as far as the call goes into each. */
export function* compressiveSteps(
  call: CompressiveCall,
  state: LinearState,
  out: Tensor | undefined,
): Steps<RunInfo | undefined> {
  const scratch = new Scratch(false);
  let info: RunInfo | undefined;
  for (const [b, length] of call.lengths.entries()) {
    const memory = new SegmentMemory(call, state, b, scratch);
    for (let from = 0; from < length;) {
      const into = (state.tokens[b]! + from) % call.segment;
      const to = Math.min(length, from + call.segment - into);
      info = (yield* memory.run(out, from, to, into)) ?? info;
      from = to;
    }
    if (out !== undefined) clearRows(out, b, length);
  }
  return info;
}

/** The memory of one batch element, and the tokens of the segment that has not ended yet. */
class SegmentMemory {
  readonly #call: CompressiveCall;
  readonly #b: number;
  readonly #scratch: Scratch;
  readonly #memory: Float32Array;
  readonly #normaliser: Float32Array;
  readonly #keys: Tensor;
  readonly #values: Tensor;

  constructor(call: CompressiveCall, state: LinearState, b: number, scratch: Scratch) {
    const { batch, kvHeads, headDim, valueDim } = call.sizes;
    const part = (name: string): Float32Array => {
      const array = state.part(name);
      return array.subarray((b * array.length) / batch, ((b + 1) * array.length) / batch);
    };
    this.#call = call;
    this.#b = b;
    this.#scratch = scratch;
    this.#memory = part("memory");
    this.#normaliser = part("normaliser");
    this.#keys = keptTokens(state, "keys", [batch, kvHeads, call.segment, headDim]);
    this.#values = keptTokens(state, "values", [batch, kvHeads, call.segment, valueDim]);
  }

  /** Tokens [from, to) of the call, the first of which is token `into` of its segment. */
  *run(out: Tensor | undefined, from: number, to: number, into: number): Steps<RunInfo | undefined> {
    const { inputs, segment } = this.#call;
    const b = this.#b;
    // A segment that begins in the call is read where the caller has it.
    const all = (kept: Tensor, fresh: Tensor): Tensor =>
      into === 0 ? tokenRows(fresh, from, to, b, b + 1) : joinedTokens(kept, b, into, fresh, from, to);
    const [k, v] = [all(this.#keys, inputs.k), all(this.#values, inputs.v)];
    let info: RunInfo | undefined;
    for (let at = from; out !== undefined && at < to; at += PANEL) {
      const end = Math.min(at + PANEL, to);
      const seen = into + end - from;
      info = yield* this.#attend(
        tokenRows(out, at, end, b, b + 1),
        tokenRows(inputs.q, at, end, b, b + 1),
        tokenRows(k, 0, seen),
        tokenRows(v, 0, seen),
      );
    }
    if (into + to - from < segment) {
      copyRows(
        tokenRows(inputs.k, from, to, b, b + 1),
        0,
        tokenRows(this.#keys, into, segment, b, b + 1),
        0,
        to - from,
      );
      copyRows(
        tokenRows(inputs.v, from, to, b, b + 1),
        0,
        tokenRows(this.#values, into, segment, b, b + 1),
        0,
        to - from,
      );
      return info;
    }
    return (yield* this.#fold(k, v)) ?? info;
  }

  /** Queries that see the last of `k` and what comes before, and the memory. */
  *#attend(out: Tensor, q: Tensor, k: Tensor, v: Tensor): Steps<RunInfo> {
    const { sizes, scale, shares } = this.#call;
    const { heads, kvHeads, headDim, valueDim } = sizes;
    const shape = { batch: 1, heads, kvHeads, queries: q.length, keys: k.length, headDim, valueDim };
    const positions = { queryOffset: Int32Array.of(k.length - q.length), keyLength: Int32Array.of(k.length) };
    const reach = { ahead: 0, back: Infinity };
    const near = tensor(this.#take("near", heads * q.length * valueDim), { shape: [1, heads, q.length, valueDim] });
    const info = yield* attend({
      ...{ shape, q, k, v, positions, out: near, lse: undefined },
      scores: { scale, softcap: 0, bias: undefined, mask: undefined, learnedSinks: undefined },
      schedule: bandSchedule(shape, positions, reach, false),
      visibility: { reach, mask: undefined },
    });
    const far = yield* this.#recall(q, "query", heads);
    const [target, inside, recalled] = [floatsOf(out), floatsOf(near), floatsOf(far)];
    for (let h = 0; h < heads; h++) {
      const share = shares[h]!;
      for (let i = 0; i < q.length; i++) {
        const [to, at] = [rowAt(out, 0, h, i), (h * q.length + i) * valueDim];
        for (let e = 0; e < valueDim; e++) {
          target[to + e] = share * recalled[at + e]! + (1 - share) * inside[at + e]!;
        }
      }
      yield* breathe();
    }
    return info;
  }

  /** What the memory has for queries, or for keys: sigma(x)' M / sigma(x) . z, 0 where it is empty. */
  *#recall(x: Tensor, role: "query" | "key", heads: number): Steps<Tensor> {
    const { kvHeads, valueDim } = this.#call.sizes;
    const out = tensor(this.#take(`far ${role}`, heads * x.length * valueDim), {
      shape: [1, heads, x.length, valueDim],
    });
    const features = yield* this.#features(x, role);
    const nothing = this.#nothing(kvHeads, x.length);
    yield* recurStep({ ...this.#job(features, nothing.k, nothing.v, heads), mode: "read", out });
    return out;
  }

  /** A whole segment joins the memory. */
  *#fold(k: Tensor, v: Tensor): Steps<RunInfo | undefined> {
    const { sizes, delta } = this.#call;
    const { kvHeads, valueDim } = sizes;
    let info: RunInfo | undefined;
    // All keys of the segment meet the memory as it was before.
    const written = delta ? yield* this.#unknown(k, v) : v;
    for (let from = 0; from < k.length; from += PANEL) {
      const to = Math.min(from + PANEL, k.length);
      const keys = yield* this.#features(tokenRows(k, from, to), "key");
      const { k: q, v: out } = this.#nothing(kvHeads, to - from);
      const job = this.#job(q, keys, tokenRows(written, from, to), kvHeads);
      info = yield* recurStep({ ...job, mode: "write", out: { ...out, width: valueDim } });
    }
    return info;
  }

  /** Values less what the memory recalls of their keys. */
  *#unknown(k: Tensor, v: Tensor): Steps<Tensor> {
    const { kvHeads, valueDim } = this.#call.sizes;
    const left = tensor(new Float32Array(kvHeads * v.length * valueDim), { shape: [1, kvHeads, v.length, valueDim] });
    for (let from = 0; from < k.length; from += PANEL) {
      const to = Math.min(from + PANEL, k.length);
      const recalled = yield* this.#recall(tokenRows(k, from, to), "key", kvHeads);
      const [target, values, known] = [floatsOf(left), floatsOf(v), floatsOf(recalled)];
      for (let g = 0; g < kvHeads; g++) {
        for (let n = from; n < to; n++) {
          const [at, value, row] = [rowAt(left, 0, g, n), rowAt(v, 0, g, n), rowAt(recalled, 0, g, n - from)];
          for (let e = 0; e < valueDim; e++) target[at + e] = values[value + e]! - known[row + e]!;
        }
      }
      yield* breathe();
    }
    return left;
  }

  *#features(x: Tensor, role: "query" | "key"): Steps<Tensor> {
    const none = new Int32Array(1);
    const lengths = Int32Array.of(x.length);
    const { rows } = yield* map.map({ x, role, before: none, lengths, scratch: this.#scratch, maximum: undefined });
    return asTensor(rows);
  }

  #job(q: Tensor, k: Tensor, v: Tensor, heads: number): Omit<RecurrenceJob, "mode" | "out"> {
    const { kvHeads, headDim, valueDim } = this.#call.sizes;
    return {
      shape: { batch: 1, heads, kvHeads, valueHeads: kvHeads, tokens: q.length, headDim, valueDim },
      ...{ q, k, v },
      scale: 1,
      decay: { kind: "none" },
      rule: { kind: "additive" },
      lengths: undefined,
      state: this.#memory,
      normaliser: this.#normaliser,
    };
  }

  /** Rows that are not looked at, of keys and of values. */
  #nothing(heads: number, length: number): { readonly k: Tensor; readonly v: Tensor } {
    const { headDim, valueDim } = this.#call.sizes;
    const strides = { b: 0, h: 0, n: 0 };
    const rows = (width: number): Tensor =>
      tensor(new Float32Array(width), { shape: [1, heads, length, width], strides });
    return { k: rows(headDim), v: rows(valueDim) };
  }

  #take(name: string, length: number): Float32Array {
    return this.#scratch.take(name, length) as Float32Array;
  }
}
