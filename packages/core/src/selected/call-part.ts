import type { ReferenceJob } from "../reference.ts";
import type { BiasTensor, MaskTensor, Tensor } from "../tensor.ts";

/** Some batch elements, queries and keys of a call. Ends are exclusive; queries and keys are indices. */
export interface CallPart {
  readonly batch: number;
  readonly batchEnd: number;
  readonly query: number;
  readonly queryEnd: number;
  readonly key: number;
  readonly keyEnd: number;
}

/**
 * The parts of a call that know nothing of each other: documents of packed sequences stand alone.
 *
 * @param documents lengths of the documents that the keys are made of, in order; undefined for one.
 */
export function callParts(
  { shape, positions }: Pick<ReferenceJob, "shape" | "positions">,
  documents: ArrayLike<number> | undefined,
): CallPart[] {
  const { batch, queries, keys } = shape;
  if (documents === undefined || batch * queries === 0) {
    return [{ batch: 0, batchEnd: batch, query: 0, queryEnd: queries, key: 0, keyEnd: keys }];
  }
  const parts: CallPart[] = [];
  for (let b = 0; b < batch; b++) {
    // Query i stands at i + offset. Those before the first document and behind the last one see nothing.
    const offset = positions.queryOffset[b]!;
    const index = (position: number): number => Math.min(Math.max(position - offset, 0), queries);
    const put = (from: number, to: number, key: number, keyEnd: number): void => {
      if (to > from) parts.push({ batch: b, batchEnd: b + 1, query: from, queryEnd: to, key, keyEnd });
    };
    let start = 0;
    put(0, index(0), 0, 0);
    for (let d = 0; d < documents.length; d++) {
      const end = start + documents[d]!;
      put(index(start), index(end), Math.min(start, keys), Math.min(end, keys));
      start = end;
    }
    put(index(start), queries, 0, 0);
  }
  return parts;
}

/** `panel` queries of a part at most, so that what is selected for them is held for one panel at a time. */
export function panelsOf(part: CallPart, panel: number): CallPart[] {
  if (part.queryEnd - part.query <= panel) return [part];
  const parts: CallPart[] = [];
  for (let query = part.query; query < part.queryEnd; query += panel) {
    parts.push({ ...part, query, queryEnd: Math.min(query + panel, part.queryEnd) });
  }
  return parts;
}

/** A part of a call as a call of its own, over views of its tensors. Positions count from the part's first key. */
export function partOf<J extends ReferenceJob>(call: J, part: CallPart): J {
  const { shape, q, k, v, positions, scores } = call;
  const { batch, batchEnd, query, queryEnd, key, keyEnd } = part;
  const queries = (view: Tensor): Tensor => cut(view, part, query, queryEnd);
  // Factors of stored rows are found by the rows that there are: a cache stays whole, and its call is one document.
  const keys = (view: Tensor): Tensor => (call.stored === undefined ? cut(view, part, key, keyEnd) : view);
  const [queryOffset, keyLength] = [
    positions.queryOffset.subarray(batch, batchEnd).map((offset) => offset + query - key),
    positions.keyLength.subarray(batch, batchEnd).map((length) => Math.min(Math.max(length - key, 0), keyEnd - key)),
  ];
  return {
    ...call,
    shape: { ...shape, batch: batchEnd - batch, queries: queryEnd - query, keys: keyEnd - key },
    q: queries(q),
    k: keys(k),
    v: keys(v),
    positions: { queryOffset, keyLength },
    scores: {
      ...scores,
      bias: scores.bias && cutPairs(scores.bias, part),
      mask: scores.mask && cutPairs(scores.mask, part),
    },
  };
}

/** Tokens [from, to) of some batch elements of a tensor. */
export function cut(view: Tensor, { batch, batchEnd }: CallPart, from: number, to: number): Tensor {
  const { offset, strides } = view;
  return {
    ...view,
    offset: offset + batch * strides.b + from * strides.n,
    batch: batchEnd - batch,
    length: to - from,
  };
}

function cutPairs<T extends BiasTensor | MaskTensor>(term: T, part: CallPart): T {
  const [b, h, n] = term.shape;
  const { strides } = term;
  return {
    ...term,
    shape: [
      b === 1 ? 1 : part.batchEnd - part.batch,
      h,
      n === 1 ? 1 : part.queryEnd - part.query,
      part.keyEnd - part.key,
    ],
    offset: term.offset + part.batch * strides.b + part.query * strides.n + part.key,
  };
}
