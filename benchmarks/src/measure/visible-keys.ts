import { documentStarts } from "./documents.ts";
import { randomBlocks } from "./random-blocks.ts";
import type { CallShape } from "./shape.ts";

/** Keys that a query sees, in ascending order. */
export interface VisibleKeys {
  readonly count: number;
  /** The key of a number below `count`. */
  readonly key: (j: number) => number;
}

/** The keys that query i of a call sees. */
export function visibleKeys(shape: CallShape): (i: number) => VisibleKeys {
  const { N, M, causal, window, dilation: step = 1, documents, blocks } = shape;
  if (blocks !== undefined) return keysOfBlocks(shape, blocks);
  if (!causal) {
    if (window !== undefined || documents !== undefined) throw new Error("windows and documents are causal here");
    return () => ({ count: M, key: (j) => j });
  }
  const starts = documents === undefined ? undefined : documentStarts(M, documents);
  return (i) => {
    const position = i + M - N;
    // Counted from the query down, since a dilated window keeps its distance to it.
    const within = position < 0 ? 0 : Math.floor((position - (starts?.[position] ?? 0)) / step) + 1;
    const count = Math.min(within, window ?? Infinity);
    const first = position - (count - 1) * step;
    return { count, key: (j) => first + j * step };
  };
}

function keysOfBlocks({ N, causal, density = 1 }: CallShape, size: number): (i: number) => VisibleKeys {
  const { starts, keyBlocks } = randomBlocks({ rows: Math.ceil(N / size), density, causal });
  return (i) => {
    const row = Math.floor(i / size);
    const listed = keyBlocks.subarray(starts[row], starts[row + 1]);
    const last = listed.at(-1);
    // Only the last block of all may be cut off, or that on the diagonal.
    const whole = last === undefined ? 0 : (listed.length - 1) * size;
    const rest = last === undefined ? 0 : Math.min(causal ? i + 1 : N, N, (last + 1) * size) - last * size;
    return { count: whole + rest, key: (j) => listed[Math.floor(j / size)]! * size + (j % size) };
  };
}
