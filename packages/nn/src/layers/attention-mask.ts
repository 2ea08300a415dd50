import { biasTensor, maskTensor, type BiasTensor, type MaskTensor } from "@saccade/core";

/** Hidden pairs as PyTorch writes them: a Uint8Array hides where it is not 0, a Float32Array is added to scores. */
export type PairMask = Uint8Array | Float32Array;

/** Masks of a call, with PyTorch's names and meaning. */
export interface PaddingAndMask {
  /** key_padding_mask, [B, M]: keys that are padding are hidden from all queries. */
  readonly keyPaddingMask?: PairMask | undefined;
  /** attn_mask, [N, M] or [B * H, N, M]. */
  readonly attnMask?: PairMask | undefined;
}

interface CallSizes {
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
}

type Shape = readonly [number, number, number, number];

interface Part<A> {
  readonly data: A;
  readonly shape: Shape;
}

/**
 * Both masks as an attention takes them: what hides becomes a mask (where PyTorch says true, ours says 0), what is added a bias.
 *
 * @throws RangeError when a mask has another size.
 */
export function pairTerms(
  where: string,
  { keyPaddingMask, attnMask }: PaddingAndMask,
  sizes: CallSizes,
): { readonly mask?: MaskTensor; readonly bias?: BiasTensor } {
  const { batch, heads, queries, keys } = sizes;
  const parts: Part<PairMask>[] = [];
  if (keyPaddingMask !== undefined) {
    if (keyPaddingMask.length !== batch * keys) {
      throw new RangeError(
        `${where}: keyPaddingMask has ${keyPaddingMask.length} numbers, expected [${batch}, ${keys}]`,
      );
    }
    parts.push({ data: keyPaddingMask, shape: [batch, 1, 1, keys] });
  }
  if (attnMask !== undefined) {
    const one = queries * keys;
    const each = attnMask.length !== one;
    if (each && attnMask.length !== batch * heads * one) {
      const expected = `[${queries}, ${keys}] or [${batch * heads}, ${queries}, ${keys}]`;
      throw new RangeError(`${where}: attnMask has ${attnMask.length} numbers, expected ${expected}`);
    }
    parts.push({ data: attnMask, shape: [each ? batch : 1, each ? heads : 1, queries, keys] });
  }
  const hiding = parts.flatMap(({ data, shape }) => (data instanceof Uint8Array ? [{ data, shape }] : []));
  const added = parts.flatMap(({ data, shape }) => (data instanceof Float32Array ? [{ data, shape }] : []));
  const hidden = joined(
    hiding,
    (length) => new Uint8Array(length),
    (a, b) => a | b,
  );
  const bias = joined(
    added,
    (length) => new Float32Array(length),
    (a, b) => a + b,
  );
  return {
    ...(hidden && {
      mask: maskTensor(
        hidden.data.map((hides) => (hides === 0 ? 1 : 0)),
        { shape: hidden.shape },
      ),
    }),
    ...(bias && { bias: biasTensor(bias.data, { shape: bias.shape }) }),
  };
}

/** The only part, or both as one that has all axes of either. */
function joined<A extends PairMask>(
  parts: readonly Part<A>[],
  make: (length: number) => A,
  join: (a: number, b: number) => number,
): Part<A> | undefined {
  const [first, second] = parts;
  if (first === undefined || second === undefined) return first;
  const shape = first.shape.map((size, axis) => Math.max(size, second.shape[axis]!)) as unknown as Shape;
  const [B, H, N, M] = shape;
  const data = make(B * H * N * M);
  const at = ({ shape: [b, h, n] }: Part<A>, i: number): number => {
    const [key, row] = [i % M, Math.floor(i / M)];
    const [query, head] = [row % N, Math.floor(row / N)];
    const [inHead, element] = [head % H, Math.floor(head / H)];
    return (((b === 1 ? 0 : element) * h + (h === 1 ? 0 : inHead)) * n + (n === 1 ? 0 : query)) * M + key;
  };
  for (let i = 0; i < data.length; i++) data[i] = join(first.data[at(first, i)]!, second.data[at(second, i)]!);
  return { data, shape };
}
