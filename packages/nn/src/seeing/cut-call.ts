import type { AttentionInputs, BiasTensor, MaskTensor, Tensor } from "@saccade/core";

/** Position of query 0 of batch element b: what `queryOffset` and `keyLengths` say, with defaults filled in. */
export function firstPosition({ q, k, queryOffset, keyLengths }: AttentionInputs, b: number): number {
  if (typeof queryOffset === "number") return queryOffset;
  return queryOffset?.[b] ?? (keyLengths?.[b] ?? k.length) - q.length;
}

/** Queries [from, to) of batch element b with all keys, as a call of its own over views. */
export function cutCall(inputs: AttentionInputs, b: number, from: number, to: number): AttentionInputs {
  const { q, k, v, bias, mask, keyLengths } = inputs;
  return {
    q: element(q, b, from, to),
    k: element(k, b, 0, k.length),
    v: element(v, b, 0, v.length),
    ...(bias === undefined ? {} : { bias: pairs(bias, b, from, to) }),
    ...(mask === undefined ? {} : { mask: pairs(mask, b, from, to) }),
    queryOffset: firstPosition(inputs, b) + from,
    ...(keyLengths === undefined ? {} : { keyLengths: [keyLengths[b]!] }),
  };
}

function element(view: Tensor, b: number, from: number, to: number): Tensor {
  const { offset, strides } = view;
  return { ...view, offset: offset + b * strides.b + from * strides.n, batch: 1, length: to - from };
}

function pairs<T extends BiasTensor | MaskTensor>(term: T, b: number, from: number, to: number): T {
  const { offset, strides, shape } = term;
  const [, h, n, m] = shape;
  return { ...term, offset: offset + b * strides.b + from * strides.n, shape: [1, h, n === 1 ? 1 : to - from, m] };
}
