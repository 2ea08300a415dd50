import { tensor, type RunInfo, type Tensor } from "@saccade/core";
import {
  asTensor,
  attend,
  bandSchedule,
  breathe,
  clearRows,
  floatsOf,
  mapRows,
  recurStep,
  repeatedRow,
  rowAt,
  scores,
  Scratch,
  tokenRows,
  type LinearState,
  type Steps,
  joinedTokens,
  keepLast,
  keptTokens,
} from "@saccade/core/variants";
import type { LolcatsCall } from "./lolcats-variant.ts";

/** Tokens that are computed at a time, and queries whose scores are written out at a time. */
export const PANEL = 256;
const QUERIES = 64;

/** Batch element by batch element and panel by panel: the window's softmax, what lies behind it, and both under one normaliser. */
export function* lolcatsSteps(
  call: LolcatsCall,
  state: LinearState,
  out: Tensor | undefined,
): Steps<RunInfo | undefined> {
  const scratch = new Scratch(false);
  let info: RunInfo | undefined;
  for (const [b, length] of call.lengths.entries()) {
    for (let from = 0; from < length; from += PANEL) {
      const to = Math.min(from + PANEL, length);
      info = yield* panel(call, state, out, scratch, b, from, to);
    }
    if (out !== undefined) clearRows(out, b, length);
  }
  return info;
}

function* panel(
  call: LolcatsCall,
  state: LinearState,
  out: Tensor | undefined,
  scratch: Scratch,
  b: number,
  from: number,
  to: number,
): Steps<RunInfo | undefined> {
  const { sizes, window: W, inputs } = call;
  const { batch, kvHeads, valueHeads, headDim, valueDim } = sizes;
  const before = state.tokens[b]! + from;
  const kept = Math.min(before, W);
  const keys = keptTokens(state, "keys", [batch, kvHeads, W, headDim]);
  const values = keptTokens(state, "values", [batch, valueHeads, W, valueDim]);
  const k = joinedTokens(keys, b, kept, inputs.k, from, to);
  const v = joinedTokens(values, b, kept, inputs.v, from, to);
  // Query i finds key row i + kept - W behind its window, which is there from query W - kept on.
  const first = Math.min(to - from, W - kept);
  const behind = to - from - first;
  const q = tokenRows(inputs.q, from, to, b, b + 1);
  const features =
    behind === 0 ? undefined : yield* behindWindow(call, state, { b, q, k, v, before, kept, first, out, scratch });
  let info = features?.info;
  if (out !== undefined) {
    const near = yield* insideWindow(call, q, k, v, kept);
    info ??= near.info;
    const tops = call.stabilised ? yield* largestScores(call, q, k, kept) : undefined;
    yield* join(call, tokenRows(out, from, to, b, b + 1), near, tops, features?.out, first);
  }
  keepLast(k, keys, b);
  keepLast(v, values, b);
  return info;
}

interface BehindCall {
  readonly b: number;
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly before: number;
  readonly kept: number;
  readonly first: number;
  readonly out: Tensor | undefined;
  readonly scratch: Scratch;
}

/** Sums of weighted values, and in a last column of the weights, over what lies behind the windows of queries from `first` on. */
function* behindWindow(
  { sizes, map }: LolcatsCall,
  state: LinearState,
  { b, q, k, v, before, kept, first, out, scratch }: BehindCall,
): Steps<{ readonly out: Tensor; readonly info: RunInfo }> {
  const { heads, kvHeads, valueHeads, headDim, valueDim } = sizes;
  const count = q.length - first;
  const common = { lengths: Int32Array.of(count), scratch, maximum: undefined };
  const [oldKeys, oldValues, late] = [tokenRows(k, 0, count), tokenRows(v, 0, count), tokenRows(q, first, q.length)];
  const width = map.features(headDim);
  const keys = yield* map.map({ ...common, x: oldKeys, role: "key", before: Int32Array.of(before - kept) });
  const queries =
    out === undefined
      ? repeatedRow(new Float32Array(width), 1, heads, count)
      : (yield* map.map({ ...common, x: late, role: "query", before: Int32Array.of(before + first) })).rows;
  const weighed = yield* mapRows(oldValues, valueDim + 1, scratch, "v 1", ({ source, at, target, to }) => {
    for (let e = 0; e < valueDim; e++) target[to + e] = source[at + e]!;
    target[to + valueDim] = 1;
  });
  const room = scratch.take("behind", heads * count * (valueDim + 1)) as Float32Array;
  const sums = tensor(room, { shape: [1, heads, count, valueDim + 1] });
  const memory = state.part("memory");
  const each = memory.length / state.sizes.batch;
  const info = yield* recurStep({
    shape: { batch: 1, heads, kvHeads, valueHeads, tokens: count, headDim: width, valueDim: valueDim + 1 },
    q: asTensor(queries),
    k: asTensor(keys.rows),
    v: asTensor(weighed),
    scale: 1,
    decay: { kind: "none" },
    rule: { kind: "additive" },
    mode: out === undefined ? "write" : "write-and-read",
    lengths: undefined,
    state: memory.subarray(b * each, (b + 1) * each),
    normaliser: undefined,
    out: sums,
  });
  return { out: sums, info };
}

interface Near {
  readonly out: Tensor;
  readonly lse: Float32Array;
  readonly info: RunInfo;
}

/** Softmax attention inside the windows. */
function* insideWindow(
  { sizes, window, scale }: LolcatsCall,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  kept: number,
): Steps<Near> {
  const { heads, kvHeads, headDim, valueDim } = sizes;
  const shape = { batch: 1, heads, kvHeads, queries: q.length, keys: k.length, headDim, valueDim };
  const positions = { queryOffset: Int32Array.of(kept), keyLength: Int32Array.of(k.length) };
  const reach = { ahead: 0, back: window - 1 };
  const out = tensor(new Float32Array(heads * q.length * valueDim), { shape: [1, heads, q.length, valueDim] });
  const lse = new Float32Array(heads * q.length);
  const info = yield* attend({
    ...{ shape, q, k, v, positions, out, lse },
    scores: { scale, softcap: 0, bias: undefined, mask: undefined, learnedSinks: undefined },
    schedule: bandSchedule(shape, positions, reach, false),
    visibility: { reach, mask: undefined },
  });
  return { out, lse, info };
}

/** The largest score of every query inside its window, [H, N]. */
function* largestScores({ window, scale }: LolcatsCall, q: Tensor, k: Tensor, kept: number): Steps<Float32Array> {
  const tops = new Float32Array(q.heads * q.length).fill(-Infinity);
  for (let from = 0; from < q.length; from += QUERIES) {
    const to = Math.min(from + QUERIES, q.length);
    const start = Math.max(0, from + kept - window + 1);
    const keys = tokenRows(k, start, to + kept);
    const all = yield* scores({ q: tokenRows(q, from, to), k: keys, scale });
    for (let h = 0; h < q.heads; h++) {
      for (let i = from; i < to; i++) {
        const row = (h * (to - from) + i - from) * keys.length - start;
        const top = h * q.length + i;
        for (let j = Math.max(0, i + kept - window + 1); j <= i + kept; j++)
          tops[top] = Math.max(tops[top]!, all[row + j]!);
      }
    }
    yield* breathe();
  }
  return tops;
}

/** Both parts as one sum of weighted values over the sum of weights. */
function* join(
  { factors }: LolcatsCall,
  out: Tensor,
  near: Near,
  tops: Float32Array | undefined,
  behind: Tensor | undefined,
  first: number,
): Steps<void> {
  const [target, inside] = [floatsOf(out), floatsOf(near.out)];
  const far = behind === undefined ? undefined : floatsOf(behind);
  for (let h = 0; h < out.heads; h++) {
    for (let i = 0; i < out.length; i++) {
      const row = h * out.length + i;
      const weight = factors[h]! * Math.exp(near.lse[row]! - (tops?.[row] ?? 0));
      const at = behind === undefined || i < first ? -1 : rowAt(behind, 0, h, i - first);
      const total = weight + (at === -1 ? 0 : far![at + out.width]!);
      const to = rowAt(out, 0, h, i);
      for (let e = 0; e < out.width; e++) {
        const sum = weight * inside[row * out.width + e]! + (at === -1 ? 0 : far![at + e]!);
        target[to + e] = total === 0 ? 0 : sum / total;
      }
    }
    yield* breathe();
  }
}
