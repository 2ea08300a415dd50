import { tensor, type Tensor } from "@saccade/core";
import {
  attend,
  bandSchedule,
  cut,
  partOf,
  rowsAtOnce,
  scores,
  type CallPart,
  type SelectingCall,
  type Steps,
} from "@saccade/core/variants";
import type { AttentionInputs } from "@saccade/core";

/** Causal softmax weights of one query: those of keys 0 .. count - 1 from `at` on. */
export interface SoftmaxRow {
  readonly h: number;
  /** Of query 0 .. N - 1. */
  readonly query: number;
  readonly position: number;
  readonly weights: Float32Array;
  readonly at: number;
  readonly count: number;
}

const CAUSAL = { ahead: 0, back: Infinity };

/** The dense causal softmax of queries [from, to) of a batch element, row by row of every head. */
export function* softmaxRows(
  call: Pick<SelectingCall<AttentionInputs>, "shape" | "q" | "k" | "v" | "positions" | "scores" | "visibility">,
  b: number,
  from: number,
  to: number,
  take: (row: SoftmaxRow) => void,
): Steps<void> {
  const { heads, kvHeads, keys } = call.shape;
  const part: CallPart = { batch: b, batchEnd: b + 1, query: from, queryEnd: to, key: 0, keyEnd: keys };
  const { q, k, shape, positions } = partOf(call, part);
  const rows = to - from;
  const offset = positions.queryOffset[0]!;
  const visible = (row: number): number => Math.max(0, Math.min(positions.keyLength[0]!, offset + row + 1));
  if (rows === 0 || visible(rows - 1) === 0) return;
  const terms = { scale: call.scores.scale, softcap: 0, bias: undefined, mask: undefined, learnedSinks: undefined };
  const lse = new Float32Array(heads * rows);
  // Only the sums of exponentials are asked for: a column of the keys stands for values.
  const narrow = { ...shape, valueDim: 1 };
  yield* attend({
    shape: narrow,
    q,
    k,
    v: { ...k, width: 1 },
    positions,
    visibility: { reach: CAUSAL, mask: undefined },
    scores: terms,
    schedule: bandSchedule(narrow, positions, CAUSAL, false),
    out: tensor(new Float32Array(heads * rows), { shape: [1, heads, rows, 1] }),
    outIsNew: true,
    lse,
  });
  const most = visible(rows - 1);
  const step = rowsAtOnce(most);
  for (let h = 0; h < heads; h++) {
    const head = oneHead(k, Math.floor(h / (heads / kvHeads)), 0, most);
    for (let row = 0; row < rows; row += step) {
      const end = Math.min(rows, row + step);
      const weights = yield* scores({
        q: oneHead(q, h, row, end),
        k: head,
        scale: terms.scale,
        reduce: { kind: "mass", lse: lse.subarray(h * rows + row, h * rows + end) },
      });
      for (let i = row; i < end; i++) {
        take({ h, query: from + i, position: offset + i, weights, at: (i - row) * most, count: visible(i) });
      }
    }
  }
}

/** Tokens [from, to) of one head. */
function oneHead(view: Tensor, h: number, from: number, to: number): Tensor {
  const tokens = cut(view, { batch: 0, batchEnd: 1, query: 0, queryEnd: 0, key: 0, keyEnd: 0 }, from, to);
  return { ...tokens, offset: tokens.offset + h * view.strides.h, heads: 1 };
}
