import { tensor, type Tensor } from "@saccade/core";
import {
  attend,
  bandSchedule,
  breathe,
  floatsOf,
  rowsAtOnce,
  scores,
  visibilitySchedule,
  type SelectedBlocks,
  type SelectingCall,
  type Steps,
} from "@saccade/core/variants";
import { BlockChooser, type ImportanceSizes } from "./block-importance.ts";
import { compressedVisibility, windowReach } from "./branch-attention.ts";
import type { BranchKeys, KeysAndValues } from "./branch-keys.ts";
import { completeBlocks } from "./compression.ts";
import type { NativeSparseInputs } from "./native-sparse-inputs.ts";
import { selectedOf } from "./past-lists.ts";
import { emptyLists } from "./visible-blocks.ts";

type Call = SelectingCall<NativeSparseInputs>;

/** Attends to compressed blocks, whose probabilities choose blocks of keys for every query and head group. */
export function* selectByCompressed(call: Call, keys: BranchKeys, sizes: ImportanceSizes): Steps<SelectedBlocks> {
  const { shape, positions, q } = call;
  const { batch, heads, kvHeads, queries } = shape;
  const lse = yield* attendCompressed(call, keys, sizes);
  const lists = emptyLists({ ...shape, heads: kvHeads }, positions, { ...sizes, causal: true });
  const chooser = new BlockChooser(sizes);
  const most = visibleBlocks(call, queries, sizes);
  const rows = rowsAtOnce(batch * kvHeads * most);
  for (let from = 0; from < queries; from += rows) {
    const to = Math.min(queries, from + rows);
    const blocks = visibleBlocks(call, to, sizes);
    const choosing = positions.queryOffset.some((first, b) => chooser.chooses(first + to - 1, positions.keyLength[b]!));
    const masses =
      choosing && blocks > 0
        ? yield* scores({
            q: { ...q, offset: q.offset + from * q.strides.n, length: to - from },
            k: { ...keys.compressed.k, length: blocks },
            scale: call.scores.scale,
            reduce: { kind: "mass", lse: rowsOf(lse, batch * heads, queries, from, to) },
          })
        : NOTHING;
    for (let list = 0; list < lists.length; list++) {
      const b = Math.floor(list / kvHeads);
      const place = { first: positions.queryOffset[b]!, keys: positions.keyLength[b]! };
      chooser.choose(lists[list]!, { from, to }, { masses, at: list * (to - from) * blocks, blocks }, place);
      yield* breathe();
    }
  }
  return selectedOf(lists, shape, { blockSize: sizes.blockSize, choosers: "kvHeads" });
}

const NOTHING: Float32Array = /* @__PURE__ */ new Float32Array(0);

/** Compressed blocks that any of the queries before `end` sees. */
function visibleBlocks({ positions }: Call, end: number, sizes: ImportanceSizes): number {
  let most = 0;
  positions.queryOffset.forEach((first, b) => {
    most = Math.max(most, completeBlocks(Math.min(first + end, positions.keyLength[b]!), sizes));
  });
  return most;
}

/** Rows [from, to) of every head of [heads, all]. */
function rowsOf(numbers: Float32Array, heads: number, all: number, from: number, to: number): Float32Array {
  if (to - from === all) return numbers;
  const rows = new Float32Array(heads * (to - from));
  for (let head = 0; head < heads; head++) {
    rows.set(numbers.subarray(head * all + from, head * all + to), head * (to - from));
  }
  return rows;
}

/** The rows of the compressed branch, kept beside the keys; returns their lse. */
function* attendCompressed(call: Call, keys: BranchKeys, sizes: ImportanceSizes): Steps<Float32Array> {
  const { shape, positions } = call;
  const { k } = keys.compressed;
  const visibility = compressedVisibility(sizes);
  const at = { ...positions, keyLength: positions.keyLength.map((length) => completeBlocks(length, sizes)) };
  const reduced = { ...shape, keys: k.length };
  const lse = new Float32Array(shape.batch * shape.heads * shape.queries);
  const out = roomFor(call);
  const schedule = visibilitySchedule(reduced, at, visibility, false);
  yield* attend({
    ...call,
    ...keys.compressed,
    stored: undefined,
    shape: reduced,
    positions: at,
    visibility,
    schedule,
    out,
    outIsNew: true,
    lse,
  });
  keys.rows = out;
  return lse;
}

function roomFor({ shape }: Call): Tensor {
  const { batch, heads, queries, valueDim } = shape;
  return tensor(new Float32Array(batch * heads * queries * valueDim), { shape: [batch, heads, queries, valueDim] });
}

/** Adds the window's rows and the compressed ones to those of selected blocks, which `out` holds, by their gates. */
export function* gateBranches(call: Call, keys: BranchKeys, gates: Tensor, out: Tensor, window: number): Steps<void> {
  const { shape, positions } = call;
  const own: Partial<KeysAndValues> = keys.window ?? {};
  const reach = windowReach(window);
  const rows = roomFor(call);
  yield* attend({
    ...call,
    ...own,
    stored: keys.window === undefined ? call.stored : undefined,
    visibility: { reach, mask: undefined },
    schedule: bandSchedule(shape, positions, reach, false),
    out: rows,
    outIsNew: true,
    lse: undefined,
  });
  yield* gatedSum(gates, keys.rows!, rows, out);
}

/** Numbers that are summed before the event loop may get a turn. */
const SLICE = 2 ** 20;

/** out <- g0 compressed + g1 out + g2 window */
function* gatedSum(gates: Tensor, compressed: Tensor, window: Tensor, out: Tensor): Steps<void> {
  const { batch, heads, length, width } = out;
  const rows = Math.max(1, Math.floor(SLICE / width));
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let from = 0; from < length; from += rows) {
        gateRows(gates, compressed, window, out, { b, h, from, to: Math.min(length, from + rows) });
        yield* breathe();
      }
    }
  }
}

interface RowsOfHead {
  readonly b: number;
  readonly h: number;
  readonly from: number;
  readonly to: number;
}

function gateRows(
  gates: Tensor,
  compressed: Tensor,
  window: Tensor,
  out: Tensor,
  { b, h, from, to }: RowsOfHead,
): void {
  const [weights, cs, ws, target] = [floatsOf(gates), floatsOf(compressed), floatsOf(window), floatsOf(out)];
  const { width } = out;
  for (let i = from; i < to; i++) {
    const gate = gates.offset + b * gates.strides.b + h * gates.strides.h + i * gates.strides.n;
    const [g0, g1, g2] = [weights[gate]!, weights[gate + 1]!, weights[gate + 2]!];
    const row = ((b * compressed.heads + h) * compressed.length + i) * width;
    const at = out.offset + b * out.strides.b + h * out.strides.h + i * out.strides.n;
    for (let e = 0; e < width; e++) target[at + e] = g0 * cs[row + e]! + g1 * target[at + e]! + g2 * ws[row + e]!;
  }
}
