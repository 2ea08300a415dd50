import type { Runtime, Tensor } from "@saccade/core";
import {
  breathe,
  bytesOfCache,
  cut,
  TokenCache,
  type Kept,
  type KeptSizes,
  type SelectingCall,
  type Steps,
  type TokensFromTo,
} from "@saccade/core/variants";
import { completeBlocks, compressBlocks, type Compression } from "./compression.ts";
import type { NativeSparseInputs, OwnBranch } from "./native-sparse-inputs.ts";

/** Keys and values, [B, G, rows, D] and [B, G, rows, E]. */
export interface KeysAndValues {
  readonly k: Tensor;
  readonly v: Tensor;
}

/** What the branches of a call read beside the keys that are selected from. */
export interface BranchKeys {
  /** Compressed keys and values. */
  readonly compressed: KeysAndValues;
  /** Keys and values of the window; undefined where they are those of the call. */
  readonly window: KeysAndValues | undefined;
  /** [B, H, n, E] of the panel that selected last: what its queries read of compressed keys. */
  rows?: Tensor;
}

/** What the branches read of the keys of a call. */
export function* branchKeysOf(
  { shape, k, v, positions, inputs, part }: SelectingCall<NativeSparseInputs>,
  compression: Compression,
): Steps<BranchKeys> {
  const own = (view: Tensor | undefined): Tensor | undefined => view && cut(view, part, part.key, part.keyEnd);
  const keys = own(inputs.compressedKeys) ?? k;
  const values = own(inputs.compressedValues) ?? v;
  const blocks = completeBlocks(shape.keys, compression);
  const compressed = { k: emptyRows(k, blocks), v: emptyRows(v, blocks) };
  for (let b = 0; b < shape.batch; b++) {
    const end = completeBlocks(positions.keyLength[b]!, compression);
    yield* compress({ keys: tokensOf(keys), values: tokensOf(values) }, compressed, b, 0, end, compression);
  }
  const [windowKeys, windowValues] = [own(inputs.windowKeys), own(inputs.windowValues)];
  return { compressed, window: windowKeys && windowValues && { k: windowKeys, v: windowValues } };
}

const tokensOf =
  (view: Tensor): TokensFromTo =>
  (from, to) => ({ ...view, offset: view.offset + from * view.strides.n, length: to - from });

interface Tokens {
  readonly keys: TokensFromTo;
  readonly values: TokensFromTo;
}

/** Compressed blocks that are made before the event loop may get a turn. */
const BLOCKS_AT_ONCE = 256;

/** Compresses blocks [first, end) of a batch element into rows of the same number. */
function* compress(
  { keys, values }: Tokens,
  { k, v }: KeysAndValues,
  b: number,
  first: number,
  end: number,
  compression: Compression,
): Steps<void> {
  const { length, stride } = compression;
  for (let from = first; from < end; from += BLOCKS_AT_ONCE) {
    const to = Math.min(end, from + BLOCKS_AT_ONCE);
    const [start, stop] = [from * stride, (to - 1) * stride + length];
    compressBlocks(keys(start, stop), tokensOf(k)(from, to), b, compression);
    compressBlocks(values(start, stop), tokensOf(v)(from, to), b, compression);
    yield* breathe();
  }
}

function emptyRows({ batch, heads, width }: Tensor, length: number): Tensor {
  const strides = { b: heads * length * width, h: length * width, n: width };
  const data = new Float32Array(batch * heads * length * width);
  return { data, batch, heads, length, width, layout: "bhnd", offset: 0, strides };
}

/** What a decoder's branches keep: compressed blocks, and tokens of branches that have their own. */
export class KeptBranches implements Kept<NativeSparseInputs, BranchKeys> {
  readonly #sizes: KeptSizes;
  readonly #compression: Compression;
  readonly #compressed: TokenCache;
  readonly #own: Readonly<Record<OwnBranch, TokenCache | undefined>>;
  #tokens = 0;

  constructor(
    where: string,
    sizes: KeptSizes,
    runtime: Runtime,
    { compression, own }: { readonly compression: Compression; readonly own: readonly OwnBranch[] },
  ) {
    const taken: TokenCache[] = [];
    const cache = (rows: number): TokenCache => {
      const made = new TokenCache(where, runtime, { ...sizes, rows, dtype: "f32" });
      taken.push(made);
      return made;
    };
    const ownCache = (branch: OwnBranch): TokenCache | undefined =>
      own.includes(branch) ? cache(sizes.keys) : undefined;
    this.#sizes = sizes;
    this.#compression = compression;
    try {
      this.#compressed = cache(completeBlocks(sizes.keys, compression));
      this.#own = { compressed: ownCache("compressed"), window: ownCache("window") };
    } catch (error) {
      for (const each of taken) each.free();
      throw error;
    }
  }

  *take(inputs: NativeSparseInputs, start: number, end: number, keys: TokensFromTo, values: TokensFromTo): Steps<void> {
    const { compressed, window } = this.#own;
    compressed?.write(inputs.compressedKeys, inputs.compressedValues!, 0, end - start, start);
    window?.write(inputs.windowKeys, inputs.windowValues!, 0, end - start, start);
    const tokens =
      compressed === undefined
        ? { keys, values }
        : { keys: rowsOf(compressed, "wideKeys"), values: rowsOf(compressed, "wideValues") };
    const first = completeBlocks(this.#tokens, this.#compression);
    const last = completeBlocks(end, this.#compression);
    for (let b = 0; b < this.#sizes.batch; b++) {
      yield* compress(tokens, this.#blocks(), b, first, last, this.#compression);
    }
    this.#tokens = end;
  }

  summary(): BranchKeys {
    return { compressed: this.#blocks(), window: this.#own.window?.tensors(this.#sizes.keys) };
  }

  truncate(length: number): void {
    this.#tokens = Math.min(this.#tokens, length);
  }

  free(): void {
    for (const cache of [this.#compressed, this.#own.compressed, this.#own.window]) cache?.free();
  }

  #blocks(): KeysAndValues {
    return this.#compressed.tensors(completeBlocks(this.#sizes.keys, this.#compression));
  }
}

const rowsOf =
  (cache: TokenCache, what: "wideKeys" | "wideValues"): TokensFromTo =>
  (from, to) =>
    cache[what](from, to - from);

/** Bytes of that. */
export function branchBytes(
  sizes: KeptSizes,
  { compression, own }: { readonly compression: Compression; readonly own: readonly OwnBranch[] },
): number {
  const rows = completeBlocks(sizes.keys, compression) + own.length * sizes.keys;
  return bytesOfCache({ ...sizes, rows, dtype: "f32" });
}
