import {
  blockPositions,
  NO_INDICES,
  PARTIAL,
  stackedHeads,
  stackedLists,
  TaskWriter,
  type AttentionShape,
  type Positions,
  type Reach,
  type Schedule,
  type Stack,
  type TaskKeys,
} from "@saccade/core/variants";

/** A window as its schedule needs it. */
export interface WindowShape {
  /** W of every query head, or one for all. */
  readonly windows: readonly number[];
  readonly causal: boolean;
  readonly sinks: number;
  readonly dilation: number;
}

interface ScheduleOptions {
  /** Whether a mask tensor or a bias can hide pairs as well; every task is then partial. */
  readonly pairTerms: boolean;
  /** Queries that meet the sinks. */
  readonly sinkOperand: number;
}

/** Full tasks end at multiples of the kernels' tile of keys, so that only a block's last tile is not whole. */
const KEY_ALIGNMENT = 128;

/**
 * The tasks of a window: for a block of rows the sinks, and then the keys that any of the rows sees, in up to three runs.
 *
 * ```text
 *   sinks   window
 *   ##......####....        row i + 1 sees one key further
 *   ##.......####...
 *   ##........####..        partial | full | partial
 * ```
 *
 * With dilation d the rows of a block lie d apart, and so do their keys: rows of one residue class see keys of one residue class, and
 * among them the window is a window.
 */
export function windowSchedule(
  shape: AttentionShape,
  at: Positions,
  window: WindowShape,
  options: ScheduleOptions,
): Schedule {
  const { windows, causal, dilation } = window;
  checkHeads(shape, windows);
  const distinct = [...new Set(windows)];
  const reaches: Reach[] = distinct.map((size) => {
    const span = (size - 1) * dilation;
    return { ahead: causal ? 0 : span, back: span };
  });
  // Every key after the sinks' own: their reach is the last one.
  reaches.push({ ahead: causal ? 0 : Infinity, back: Infinity });
  const windowOf = (h: number): number => distinct.indexOf(windows.length === 1 ? windows[0]! : windows[h]!);
  const stack = groupsAreEven(shape, windowOf) ? stackedHeads(shape.heads, shape.kvHeads) : 1;
  const positions = blockPositions({ ...shape, kvHeads: stack === 1 ? shape.heads : shape.kvHeads });
  const lists = stackedLists(
    shape,
    stack,
    ({ b, h0 }) => `${at.queryOffset[b]} ${at.keyLength[b]} ${windowOf(h0)}`,
    ({ b, h0 }: Stack) => {
      const place = { offset: at.queryOffset[b]!, keys: at.keyLength[b]!, queries: shape.queries, positions };
      return writeList(place, window, { ...options, reaches, reach: windowOf(h0) });
    },
  );
  return { ...lists, blockPositions: positions, reaches, masked: undefined, indices: NO_INDICES };
}

function checkHeads({ heads }: AttentionShape, windows: readonly number[]): void {
  if (windows.length === 1 || windows.length === heads) return;
  throw new RangeError(`slidingWindow: perHeadWindow has ${windows.length} windows, q has H = ${heads}`);
}

/** Whether the heads of every group have the same window, so that their rows can share tiles. */
function groupsAreEven({ heads, kvHeads }: AttentionShape, windowOf: (h: number) => number): boolean {
  const group = heads / kvHeads;
  for (let h = 0; h < heads; h++) {
    if (windowOf(h) !== windowOf(h - (h % group))) return false;
  }
  return true;
}

interface Place {
  readonly offset: number;
  readonly keys: number;
  readonly queries: number;
  readonly positions: number;
}

interface ListOptions extends ScheduleOptions {
  readonly reaches: readonly Reach[];
  readonly reach: number;
}

function writeList(
  place: Place,
  { sinks, dilation }: WindowShape,
  options: ListOptions,
): ReturnType<TaskWriter["list"]> {
  const { offset, queries, positions } = place;
  const writer = new TaskWriter();
  for (let residue = 0; residue < Math.min(dilation, queries); residue++) {
    const rows = Math.ceil((queries - residue) / dilation);
    for (let row = 0; row < rows; row += positions) {
      const count = Math.min(positions, rows - row);
      const start = residue + row * dilation;
      const first = start + offset;
      const block = { first, last: first + (count - 1) * dilation };
      writer.begin({ start, count, stride: dilation });
      if (sinks > 0) putSinks(writer, block, Math.min(sinks, place.keys), options);
      putWindow(writer, block, { from: sinks, to: place.keys, stride: dilation }, options);
    }
  }
  return writer.list();
}

/** Positions of a block's first and last row. */
interface Block {
  readonly first: number;
  readonly last: number;
}

function putSinks(writer: TaskWriter, { first, last }: Block, sinks: number, options: ListOptions): void {
  const reach = options.reaches.length - 1;
  const { ahead } = options.reaches[reach]!;
  const count = clamp(last + ahead + 1, 0, sinks);
  const full = !options.pairTerms && first + ahead + 1 >= count;
  writer.put({ start: 0, count, reach, operand: options.sinkOperand, flags: full ? 0 : PARTIAL });
}

function putWindow(
  writer: TaskWriter,
  { first, last }: Block,
  { from, to, stride }: { readonly from: number; readonly to: number; readonly stride: number },
  { reaches, reach, pairTerms }: ListOptions,
): void {
  const { ahead, back } = reaches[reach]!;
  const low = onClass(Math.max(from, first - back), first, stride);
  const high = Math.min(to, last + ahead + 1);
  if (high <= low) return;
  // In steps of the stride from `low`: all keys, and those that every row sees.
  const count = Math.ceil((high - low) / stride);
  const origin = stride === 1 ? low % KEY_ALIGNMENT : 0;
  let inner = clamp(Math.ceil((last - back - low) / stride), 0, count);
  let innerEnd = clamp(Math.floor((first + ahead - low) / stride) + 1, 0, count);
  if (inner > 0) inner = Math.ceil((inner + origin) / KEY_ALIGNMENT) * KEY_ALIGNMENT - origin;
  if (innerEnd < count) innerEnd = Math.floor((innerEnd + origin) / KEY_ALIGNMENT) * KEY_ALIGNMENT - origin;
  const put = (begin: number, end: number, flags: number): void => {
    const keys: TaskKeys = { start: low + begin * stride, count: end - begin, stride, flags, reach };
    writer.put(keys);
  };
  if (pairTerms || innerEnd <= inner) {
    put(0, count, PARTIAL);
    return;
  }
  put(0, inner, PARTIAL);
  put(inner, innerEnd, 0);
  put(innerEnd, count, PARTIAL);
}

/** The first key from `key` on in the residue class of a position. */
function onClass(key: number, position: number, stride: number): number {
  const ahead = (position - key) % stride;
  return key + (ahead < 0 ? ahead + stride : ahead);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
