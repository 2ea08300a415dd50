import {
  tensor,
  type Attention,
  type BiasTensor,
  type Decoder,
  type DecoderInputs,
  type DecoderOptions,
  type MaskTensor,
  type RunInfo,
  type Tensor,
} from "@saccade/core";
import { checkWhole, shown } from "./checks.ts";
import { pairsOf, placeLse, tokensOf } from "./token-views.ts";

export interface ChunkedPrefillOptions {
  /** Tokens of a piece. Any number gives the same rows within rounding. */
  readonly chunk: number;
}

/** How a prompt is run: the decoder's options that the inputs do not say, and the call's. */
export interface PrefillOptions extends Pick<
  DecoderOptions,
  "capacity" | "dtype" | "rewindable" | "runtime" | "threads"
> {
  /** Go on with this one, whose tokens come before the prompt; it has its own options. Default: a new decoder. */
  readonly decoder?: Decoder | undefined;
  /** Also return the logarithm of each row's sum of exponentials. Default false. */
  readonly lse?: boolean | undefined;
  /** Write into this tensor [B, H, N, E], which must not overlap the inputs. Default: a new array in the layout of q. */
  readonly out?: Tensor | undefined;
  /** Cancels, between pieces and inside them. */
  readonly signal?: AbortSignal | undefined;
  /** Called after every piece with the tokens of the prompt that are done, and with how many there are. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What a prefill leaves, with what it ran on. */
export interface PrefillResult extends RunInfo {
  /** [B, H, N, E] */
  readonly out: Tensor;
  /** [B, H, N], natural logarithm, when asked for. */
  readonly lse?: Float32Array;
  /** Holds the prompt, and goes on with the tokens that follow. The caller disposes of it. */
  readonly decoder: Decoder;
}

/** A way to run prompts. */
export interface ChunkedPrefill {
  /**
   * @param inputs q [B, H, N, D], k [B, G, N, D] and v [B, G, N, E] of the prompt; bias and mask over all keys, the decoder's earlier ones
   * included.
   * @throws as a rejection: TypeError and RangeError for what does not fit, and `signal.reason`. A decoder that was made for the call is then
   * disposed; one that was given keeps the pieces that were done, as its length says.
   */
  run(inputs: DecoderInputs, options?: PrefillOptions): Promise<PrefillResult>;
}

/**
 * Runs a long prompt in pieces of C tokens through the decoder of any causal variant: each piece meets the keys of the pieces before it and
 * its own, so that the result is that of one call, within rounding:
 *
 * ```text
 *   out[i] = softmax over all visible j <= i     for i in pieces [0, C), [C, 2C), ...
 * ```
 *
 * It is exact: unlike `chunkLocal` it hides nothing. What it buys is a decoder that is ready to go on, progress and cancelling
 * between pieces, and with decoders that keep the last keys a prompt of any length in constant memory beside inputs and output.
 *
 * @throws TypeError for a variant whose rows depend on later queries (selection "query-block", "prompt", "decode-only"), RangeError when
 * `chunk` is not a positive integer.
 * @example
 * const prefill = chunkedPrefill(dense({ causal: true }), { chunk: 2048 });
 * const { out, decoder } = await prefill.run({ q, k, v }, { capacity: 40_000 });
 * const step = decoder.appendSync({ q: q1, k: k1, v: v1 });
 */
export function chunkedPrefill(attention: Attention, { chunk }: ChunkedPrefillOptions): ChunkedPrefill {
  if (typeof attention?.decoder !== "function") {
    throw new TypeError(`chunkedPrefill: attention is ${shown(attention)}, expected a variant, as dense() makes`);
  }
  const { selection, name } = attention;
  checkWhole("chunkedPrefill: chunk", chunk, 1);
  if (selection !== "static" && selection !== "per-query") {
    throw new TypeError(
      `chunkedPrefill: ${name} selects by "${selection}", so that pieces would not give what one call does`,
    );
  }
  return { run: (inputs, options = {}) => runPrefill(attention, chunk, inputs, options) };
}

async function runPrefill(
  attention: Attention,
  chunk: number,
  inputs: DecoderInputs,
  options: PrefillOptions,
): Promise<PrefillResult> {
  options.signal?.throwIfAborted();
  checkTokens(inputs);
  checkCausal(attention, inputs);
  const decoder = options.decoder ?? newDecoder(attention, inputs, options);
  try {
    return { ...(await appendPieces(decoder, chunk, inputs, options)), decoder };
  } catch (error) {
    if (options.decoder === undefined) await decoder[Symbol.asyncDispose]();
    throw error;
  }
}

async function appendPieces(
  decoder: Decoder,
  chunk: number,
  { q, k, v, bias, mask }: DecoderInputs,
  options: PrefillOptions,
): Promise<Omit<PrefillResult, "decoder">> {
  const { signal, onProgress } = options;
  const out = options.out ?? emptyOut(q, v.width);
  if (out.length !== q.length) {
    throw new RangeError(`chunkedPrefill.run: out has N = ${out.length}, q has N = ${q.length}`);
  }
  const lse = options.lse === true ? new Float32Array(q.batch * q.heads * q.length) : undefined;
  const before = decoder.length;
  checkPairs("bias", bias, before + q.length);
  checkPairs("mask", mask, before + q.length);
  let info: RunInfo | undefined;
  // A prompt without tokens still runs, and says on what.
  for (let from = 0; from < q.length || info === undefined; from += chunk) {
    const to = Math.min(from + chunk, q.length);
    const keys = before + to;
    const piece = {
      q: tokensOf(q, from, to),
      k: tokensOf(k, from, to),
      v: tokensOf(v, from, to),
      bias: bias && pairsOf(bias, from, to, keys),
      mask: mask && pairsOf(mask, from, to, keys),
    };
    const result = await decoder.append(piece, { lse: lse !== undefined, out: tokensOf(out, from, to), signal });
    if (lse !== undefined) placeLse(lse, result.lse!, from, q.length, to - from);
    info = result;
    onProgress?.(to, q.length);
  }
  const { runtime, instructionSet, threads, notTaken } = info;
  const base = { out, runtime, instructionSet, threads, notTaken };
  return lse === undefined ? base : { ...base, lse };
}

function newDecoder(attention: Attention, { q, k, v }: DecoderInputs, options: PrefillOptions): Decoder {
  const { capacity = q.length, dtype, rewindable, runtime, threads } = options;
  return attention.decoder({
    batch: q.batch,
    heads: q.heads,
    kvHeads: k.heads,
    headDim: q.width,
    valueDim: v.width,
    capacity,
    dtype,
    rewindable,
    runtime,
    threads,
  });
}

function checkTokens({ q, k, v }: DecoderInputs): void {
  for (const [what, view] of [
    ["q", q],
    ["k", k],
    ["v", v],
  ] as const) {
    if (view?.strides === undefined) {
      throw new TypeError(`chunkedPrefill.run: ${what} is ${shown(view)}, expected a tensor`);
    }
    if (view.length === q.length) continue;
    throw new RangeError(`chunkedPrefill.run: ${what} has ${view.length} tokens, q has N = ${q.length}`);
  }
}

/** A query that sees the key after its own sees others in a piece than in one call. */
function checkCausal(attention: Attention, { q, k, v }: DecoderInputs): void {
  const { heads, width: headDim } = q;
  if (heads === 0) return;
  const sizes = { heads, kvHeads: k.heads, headDim, valueDim: v.width };
  if (attention.plan({ ...sizes, queries: 1, keys: 2, queryOffset: 0 }).visiblePairs <= heads) return;
  throw new TypeError(
    `chunkedPrefill.run: ${attention.name} shows keys after the query, so that pieces would not give what one call does`,
  );
}

function checkPairs(what: string, term: BiasTensor | MaskTensor | undefined, keys: number): void {
  if (term === undefined || term.shape?.[3] === keys) return;
  throw new RangeError(`chunkedPrefill.run: ${what} has M = ${String(term.shape?.[3])} keys, expected ${keys}`);
}

function emptyOut({ batch, heads, length, layout }: Tensor, width: number): Tensor {
  const shape = layout === "bhnd" ? ([batch, heads, length, width] as const) : ([batch, length, heads, width] as const);
  return tensor(new Float32Array(batch * heads * length * width), { shape, layout });
}
