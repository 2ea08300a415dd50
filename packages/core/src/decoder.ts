import type { ForwardOptions, ResultFor, SyncForwardOptions } from "./attention.ts";
import type { AttentionJob, Runtime, RuntimeBuffer } from "./runtime/runtime.ts";
import { readyRuntime, sharedRuntime, sharedRuntimeSync, type RuntimeChoice } from "./runtime/select.ts";
import { checkHeads, checkLength, checkPairTensor, checkSize, checkTensors, checkWidth } from "./shape.ts";
import { makeJob, type SoftmaxVariant } from "./job.ts";
import { runJob, runJobSync } from "./run-job.ts";
import { describe, floatsOf, type BiasTensor, type MaskTensor, type Tensor } from "./tensor.ts";

/** Sizes of a decoder's cache, fixed when it is made. */
export interface DecoderOptions {
  /** B. Default 1. */
  readonly batch?: number | undefined;
  /** H */
  readonly heads: number;
  /** G. Default H. */
  readonly kvHeads?: number | undefined;
  /** D */
  readonly headDim: number;
  /** E. Default D. */
  readonly valueDim?: number | undefined;
  /** Tokens that the cache holds. */
  readonly capacity: number;
  /** How keys and values are stored. Default "f32", so far the only one. */
  readonly dtype?: "f32" | undefined;
  /** Tokens that `rewind` may take back at a time. Default: all of them. */
  readonly rewindable?: number | undefined;
  /** Default "auto". */
  readonly runtime?: RuntimeChoice | undefined;
  /** Threads at most. Default: what the runtime was opened with. */
  readonly threads?: number | undefined;
}

/** New tokens: their queries, keys and values. */
export interface DecoderInputs {
  /** [B, H, N, D] or [B, N, H, D] */
  readonly q: Tensor;
  /** [B, G, N, D] or [B, N, G, D] */
  readonly k: Tensor;
  /** [B, G, N, E] or [B, N, G, E] */
  readonly v: Tensor;
  /** [B or 1, H or 1, N or 1, length + N] */
  readonly bias?: BiasTensor | undefined;
  /** [B or 1, H or 1, N or 1, length + N] */
  readonly mask?: MaskTensor | undefined;
}

/** As in `forwardSync`; the runtime is the decoder's. */
export type SyncAppendOptions = Omit<SyncForwardOptions, "runtime">;
/** As in `forward`; the runtime is the decoder's. */
export type AppendOptions = Omit<ForwardOptions, "runtime">;

/** A point in a decoder's history to come back to. */
export interface Checkpoint {
  /** Tokens in the cache at that point. */
  readonly length: number;
}

/**
 * Attention over a growing cache of keys and values with a fixed capacity.
 *
 * `append` stores the keys and values of N new tokens (a prompt, a part of one, a single step) and attends from their queries to all
 * tokens so far, whose positions count from 0. Causal attention gives the same rows, within rounding, however tokens are split into
 * calls; without `causal` the queries of a call see every key up to the end of that call.
 *
 * Memory is the cache, allocated at the first call, and what one `forward` of that size needs. A call that fails or is cancelled
 * leaves the cache as it was. `await using` frees it.
 */
export interface Decoder extends AsyncDisposable {
  /** Tokens in the cache. */
  readonly length: number;
  readonly capacity: number;
  /**
   * @throws RangeError (as a rejection) when the tokens do not fit (`cache full: capacity 4096, asked for 4097`) or do not match the
   * decoder's sizes, Error when another call is still running.
   */
  append<const O extends AppendOptions = AppendOptions>(inputs: DecoderInputs, options?: O): Promise<ResultFor<O>>;
  /** The same, to the end before it returns: for steps. */
  appendSync<const O extends SyncAppendOptions = SyncAppendOptions>(inputs: DecoderInputs, options?: O): ResultFor<O>;
  checkpoint(): Checkpoint;
  /** Drops the tokens after a checkpoint. A checkpoint dies when the decoder is taken back to before it. */
  restore(checkpoint: Checkpoint): void;
  /** Drops the last tokens, at most `rewindable` below the greatest length reached. */
  rewind(tokens: number): void;
}

/** The decoder of a variant whose queries may see any earlier key, so that the cache keeps them all. */
export function makeDecoder(variant: SoftmaxVariant, options: DecoderOptions): Decoder {
  return new CacheDecoder(variant, options);
}

class CacheDecoder implements Decoder {
  readonly capacity: number;
  readonly #variant: SoftmaxVariant;
  readonly #name: string;
  readonly #sizes: { batch: number; heads: number; kvHeads: number; headDim: number; valueDim: number };
  readonly #choice: RuntimeChoice;
  readonly #threads: number | undefined;
  readonly #rewindable: number;
  #cache: Cache | undefined;
  #length = 0;
  #greatest = 0;
  #running: Promise<unknown> | undefined;
  #disposed = false;
  readonly #made = new WeakMap<Checkpoint, number>();
  #takenBack = 0;
  /** Lengths the decoder was taken back to, rising, each with the number of times it had been taken back by then. */
  readonly #lows: { length: number; time: number }[] = [];

  constructor(variant: SoftmaxVariant, options: DecoderOptions) {
    const where = `${variant.name}.decoder`;
    const { heads, headDim, capacity } = options;
    const { batch = 1, kvHeads = heads, valueDim = headDim, dtype = "f32", rewindable = capacity } = options;
    if (dtype !== "f32") throw new TypeError(`${where}: dtype is ${describe(dtype)}, expected "f32"`);
    checkSize(where, "batch", batch, 0);
    checkSize(where, "heads", heads, 0);
    checkSize(where, "kvHeads", kvHeads, 0);
    checkHeads(where, "options", heads, kvHeads);
    checkSize(where, "headDim", headDim, 0);
    checkWidth(where, "options", "D", headDim);
    checkSize(where, "valueDim", valueDim, 0);
    checkWidth(where, "options", "E", valueDim);
    checkSize(where, "capacity", capacity, 0);
    checkLength(where, "options", "capacity", capacity);
    checkSize(where, "rewindable", rewindable, 0);
    this.#variant = variant;
    this.#name = where;
    this.#sizes = { batch, heads, kvHeads, headDim, valueDim };
    this.#choice = options.runtime ?? "auto";
    this.#threads = options.threads;
    this.#rewindable = rewindable;
    this.capacity = capacity;
  }

  get length(): number {
    return this.#length;
  }

  async append<const O extends AppendOptions>(inputs: DecoderInputs, options?: O): Promise<ResultFor<O>> {
    const where = `${this.#name}.append`;
    options?.signal?.throwIfAborted();
    this.#check(where, inputs);
    const run = this.#appendNow(where, inputs, options);
    this.#running = run;
    try {
      return (await run) as ResultFor<O>;
    } finally {
      this.#running = undefined;
    }
  }

  async #appendNow(where: string, inputs: DecoderInputs, options: AppendOptions | undefined): Promise<unknown> {
    const runtime = readyRuntime(this.#choice) ?? (await sharedRuntime(this.#choice));
    const job = this.#store(where, runtime, inputs, options);
    const result = await runJob(where, runtime, this.#choice, job, { threads: this.#threads, ...options });
    this.#grow(inputs);
    return result;
  }

  appendSync<const O extends SyncAppendOptions>(inputs: DecoderInputs, options?: O): ResultFor<O> {
    const where = `${this.#name}.appendSync`;
    this.#check(where, inputs);
    const runtime = sharedRuntimeSync(this.#choice);
    const job = this.#store(where, runtime, inputs, options);
    const result = runJobSync(where, runtime, this.#choice, job, { threads: this.#threads, ...options });
    this.#grow(inputs);
    return result as ResultFor<O>;
  }

  checkpoint(): Checkpoint {
    this.#checkIdle(`${this.#name}.checkpoint`);
    const checkpoint = Object.freeze({ length: this.#length });
    this.#made.set(checkpoint, this.#takenBack);
    return checkpoint;
  }

  restore(checkpoint: Checkpoint): void {
    const where = `${this.#name}.restore`;
    this.#checkIdle(where);
    const made = this.#made.get(checkpoint);
    if (made === undefined) throw new TypeError(`${where}: the checkpoint is not one of this decoder`);
    const since = this.#lows.find((low) => low.time > made);
    if (since !== undefined && since.length < checkpoint.length) {
      throw new RangeError(
        `${where}: the checkpoint at length ${checkpoint.length} is gone: the decoder was taken back to ${since.length} since`,
      );
    }
    this.#takeBack(checkpoint.length);
  }

  rewind(tokens: number): void {
    const where = `${this.#name}.rewind`;
    this.#checkIdle(where);
    const most = Math.max(0, Math.min(this.#length, this.#length - this.#greatest + this.#rewindable));
    if (!Number.isInteger(tokens) || tokens < 0 || tokens > most) {
      throw new RangeError(`${where}: asked for ${describe(tokens)} tokens, expected an integer in 0..${most}`);
    }
    this.#takeBack(this.#length - tokens);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    await this.#running?.catch(() => undefined);
    this.#cache?.keys.free();
    this.#cache?.values.free();
    this.#cache = undefined;
  }

  #checkIdle(where: string): void {
    if (this.#disposed) throw new Error(`${where}: the decoder is disposed`);
    if (this.#running !== undefined) throw new Error(`${where}: another append is still running`);
  }

  #check(where: string, inputs: DecoderInputs): void {
    this.#checkIdle(where);
    const shape = checkTensors(where, inputs.q, inputs.k, inputs.v);
    for (const size of ["batch", "heads", "kvHeads", "headDim", "valueDim"] as const) {
      if (shape[size] !== this.#sizes[size]) {
        throw new RangeError(`${where}: ${size} is ${shape[size]}, the decoder was made for ${this.#sizes[size]}`);
      }
    }
    if (shape.queries !== shape.keys) {
      throw new RangeError(`${where}: q has N = ${shape.queries} tokens, k has ${shape.keys}`);
    }
    const keys = this.#length + shape.keys;
    if (keys > this.capacity) {
      throw new RangeError(`${where}: cache full: capacity ${this.capacity}, asked for ${keys}`);
    }
    checkPairTensor(where, "bias", inputs.bias, { ...shape, keys });
    checkPairTensor(where, "mask", inputs.mask, { ...shape, keys });
  }

  /** Copies the new tokens behind the cache's end, and makes the job that looks at them; `#grow` makes them part of the cache. */
  #store(
    where: string,
    runtime: Runtime,
    inputs: DecoderInputs,
    options: SyncForwardOptions | undefined,
  ): AttentionJob {
    const { batch, kvHeads, headDim, valueDim } = this.#sizes;
    const { q, k, v, bias, mask } = inputs;
    const tokens = batch * kvHeads * this.capacity;
    this.#cache ??= openCache(where, runtime, tokens * headDim, tokens * valueDim);
    const keys = this.#view(this.#cache.keys, headDim, k.length);
    const values = this.#view(this.#cache.values, valueDim, v.length);
    const job = makeJob(where, this.#variant, { q, k: keys, v: values, bias, mask }, options);
    copyTokens(k, keys, this.#length);
    copyTokens(v, values, this.#length);
    return job;
  }

  #view(data: RuntimeBuffer, width: number, added: number): Tensor {
    const { batch, kvHeads } = this.#sizes;
    const strides = { b: kvHeads * this.capacity * width, h: this.capacity * width, n: width };
    const length = this.#length + added;
    return { data, batch, heads: kvHeads, length, width, layout: "bhnd", offset: 0, strides };
  }

  #grow({ k }: DecoderInputs): void {
    this.#length += k.length;
    this.#greatest = Math.max(this.#greatest, this.#length);
  }

  #takeBack(length: number): void {
    this.#takenBack++;
    while (this.#lows.length > 0 && this.#lows.at(-1)!.length >= length) this.#lows.pop();
    this.#lows.push({ length, time: this.#takenBack });
    this.#length = length;
  }
}

interface Cache {
  readonly keys: RuntimeBuffer;
  readonly values: RuntimeBuffer;
}

function openCache(where: string, runtime: Runtime, keyFloats: number, valueFloats: number): Cache {
  let keys: RuntimeBuffer | undefined;
  try {
    keys = runtime.allocate(keyFloats);
    return { keys, values: runtime.allocate(valueFloats) };
  } catch (error) {
    keys?.free();
    if (!(error instanceof RangeError)) throw error;
    const megabytes = Math.ceil((4 * (keyFloats + valueFloats)) / 2 ** 20);
    throw new RangeError(`${where}: ${runtime.name} has no room for a cache of ${megabytes} MB`, { cause: error });
  }
}

/** Tokens of few numbers are copied one by one: a view of them costs more. */
const FEW_NUMBERS = 256;

function copyTokens(from: Tensor, to: Tensor, at: number): void {
  const source = floatsOf(from);
  const target = floatsOf(to);
  const { batch, heads, length, width } = from;
  // A head's tokens are adjacent in the cache; in `from` each stands alone, or all are adjacent.
  const run = from.strides.n === width ? length * width : width;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      let start = from.offset + b * from.strides.b + h * from.strides.h;
      let end = to.offset + b * to.strides.b + h * to.strides.h + at * width;
      for (let copied = 0; copied < length * width; copied += run) {
        if (run > FEW_NUMBERS) target.set(source.subarray(start, start + run), end);
        else for (let i = 0; i < run; i++) target[end + i] = source[start + i]!;
        start += from.strides.n;
        end += run;
      }
    }
  }
}
