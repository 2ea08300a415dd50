import { documentStarts } from "./documents.ts";
import type { CallShape } from "./shape.ts";

/** Keys first, first + step, ..., `count` of them. */
export interface VisibleKeys {
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

/** The keys that query i of a call sees. */
export function visibleKeys(shape: CallShape): (i: number) => VisibleKeys {
  const { N, M, causal, window, dilation: step = 1, documents } = shape;
  if (!causal) {
    if (window !== undefined || documents !== undefined) throw new Error("windows and documents are causal here");
    return () => ({ first: 0, step, count: M });
  }
  const starts = documents === undefined ? undefined : documentStarts(M, documents);
  return (i) => {
    const position = i + M - N;
    // Counted from the query down, since a dilated window keeps its distance to it.
    const within = position < 0 ? 0 : Math.floor((position - (starts?.[position] ?? 0)) / step) + 1;
    const count = Math.min(within, window ?? Infinity);
    return { first: position - (count - 1) * step, step, count };
  };
}
