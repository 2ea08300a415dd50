import type {
  AppendOptions,
  Checkpoint,
  Decoder,
  DecoderInputs,
  DecoderOptions,
  ResultFor,
  RunInfo,
  SyncAppendOptions,
} from "@saccade/core";
import { History } from "@saccade/core/variants";
import { checkCall } from "./check-call.ts";
import { checkWhole, shown } from "./checks.ts";
import { runRelative, runRelativeSync, type RelativeCall, type RelativeVariant } from "./relative-call.ts";
import { resultOf, roomFor } from "./relative-room.ts";
import { WindowCache, type WindowSizes } from "./window-cache.ts";

/** Tokens that a cache has room for: what a query sees and what may be taken back, and as many new ones, so that it seldom moves. */
export function cacheRows(segment: number, memory: number, rewindable: number): number {
  return rewindable + 2 * (segment + memory);
}

type CacheOptions = Omit<WindowSizes, "rows"> & Pick<DecoderOptions, "heads" | "runtime" | "threads">;

/** Keys and values in plain arrays, in order: a piece's keys are a view of them, as its bias needs. */
export class RelativeDecoder implements Decoder {
  readonly capacity: number;
  readonly cacheBytes: number;
  readonly #variant: RelativeVariant;
  readonly #name: string;
  readonly #learnedSinks: Float32Array | undefined;
  readonly #options: CacheOptions;
  readonly #rewindable: number;
  readonly #rows: number;
  readonly #history: History;
  #cache: WindowCache | undefined;
  #running: Promise<RunInfo> | undefined;
  #disposed = false;

  constructor(variant: RelativeVariant, learnedSinks: Float32Array | undefined, options: DecoderOptions) {
    const where = `${variant.name}.decoder`;
    const { heads, headDim, batch = 1, kvHeads = heads, valueDim = headDim } = options;
    const { capacity = 2 ** 30, rewindable = 0, dtype = "f32" } = options;
    if (dtype !== "f32") {
      throw new TypeError(
        `${where}: dtype is ${shown(dtype)}, expected "f32": with relativeBias keys are kept as they are`,
      );
    }
    for (const [what, size] of Object.entries({ batch, heads, kvHeads, headDim, valueDim, capacity, rewindable })) {
      checkWhole(`${where}: ${what}`, size, what.endsWith("Dim") ? 1 : 0);
    }
    this.#variant = variant;
    this.#name = where;
    this.#learnedSinks = learnedSinks;
    const { runtime, threads } = options;
    this.#options = { batch, heads, kvHeads, headDim, valueDim, runtime, threads };
    this.#rewindable = rewindable;
    this.#rows = Math.min(capacity, cacheRows(variant.segment, variant.memory, rewindable));
    this.#history = new History(rewindable);
    this.capacity = capacity;
    this.cacheBytes = 4 * batch * kvHeads * this.#rows * (headDim + valueDim);
  }

  get length(): number {
    return this.#history.length;
  }

  async append<const O extends AppendOptions = AppendOptions>(
    inputs: DecoderInputs,
    options?: O,
  ): Promise<ResultFor<O>> {
    options?.signal?.throwIfAborted();
    const call = this.#begin(`${this.#name}.append`, inputs, options);
    const how = { ...this.#where(), ...options };
    const run = async (): Promise<RunInfo> =>
      (await runRelative(this.#variant, call, how)) ?? (await this.#variant.causal.forward(inputs, this.#where()));
    this.#running = run();
    try {
      return this.#end(inputs, call, await this.#running, options);
    } finally {
      this.#running = undefined;
    }
  }

  appendSync<const O extends SyncAppendOptions = SyncAppendOptions>(inputs: DecoderInputs, options?: O): ResultFor<O> {
    const call = this.#begin(`${this.#name}.appendSync`, inputs, options);
    const info =
      runRelativeSync(this.#variant, call, { ...this.#where(), ...options }) ??
      this.#variant.causal.forwardSync(inputs, this.#where());
    return this.#end(inputs, call, info, options);
  }

  checkpoint(): Checkpoint {
    this.#checkIdle(`${this.#name}.checkpoint`);
    return this.#history.checkpoint();
  }

  restore(checkpoint: Checkpoint): void {
    const where = `${this.#name}.restore`;
    this.#checkIdle(where);
    this.#history.restore(where, checkpoint, this.#leastLength());
  }

  rewind(tokens: number): void {
    const where = `${this.#name}.rewind`;
    this.#checkIdle(where);
    this.#history.rewind(where, tokens, this.#leastLength());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    await this.#running?.catch(() => undefined);
    this.#cache = undefined;
  }

  #where(): Pick<DecoderOptions, "runtime" | "threads"> {
    const { runtime, threads } = this.#options;
    return { runtime, threads };
  }

  #checkIdle(where: string): void {
    if (this.#disposed) throw new Error(`${where}: the decoder is disposed`);
    if (this.#running !== undefined) throw new Error(`${where}: another append is still running`);
  }

  /** Tokens behind those of the cache, which does not count them yet: a call that fails leaves them to be written over. */
  #begin(where: string, inputs: DecoderInputs, options: SyncAppendOptions | undefined): RelativeCall {
    this.#checkIdle(where);
    this.#checkInputs(where, inputs, options);
    const { q, k, v } = inputs;
    const { segment, memory } = this.#variant;
    const before = this.length;
    const cache = (this.#cache ??= new WindowCache({ ...this.#options, rows: this.#rows }));
    // Queries that see keys of the cache see new ones up to here.
    const joined = Math.min(q.length, segment + memory);
    if (before + joined - cache.first > cache.rows) cache.drop(this.#firstNeeded(before), before);
    cache.write(k, v, 0, joined, before);
    return {
      ...roomFor(q, v, options?.out),
      q,
      place: () => ({ offset: before, keys: before + q.length }),
      keysFrom: (key) => (key < before ? { k: cache.k, v: cache.v, first: cache.first } : { k, v, first: before }),
    };
  }

  #checkInputs(where: string, { q, k, v, bias, mask }: DecoderInputs, options: SyncAppendOptions | undefined): void {
    checkCall(where, q, v, this.#learnedSinks, options?.out);
    if (bias !== undefined || mask !== undefined) {
      throw new TypeError(`${where}: a bias or mask does not go with relativeBias`);
    }
    const { batch, heads, kvHeads, headDim, valueDim } = this.#options;
    for (const [what, view, count, width] of [
      ["q", q, heads, headDim],
      ["k", k, kvHeads, headDim],
      ["v", v, kvHeads, valueDim],
    ] as const) {
      const fits = view.batch === batch && view.heads === count && view.length === q.length && view.width === width;
      if (fits) continue;
      throw new RangeError(
        `${where}: ${what} has batch, heads, tokens and width ` +
          `[${view.batch}, ${view.heads}, ${view.length}, ${view.width}], ` +
          `expected [${batch}, ${count}, ${q.length}, ${width}]`,
      );
    }
    this.#variant.tables.check(q);
    const asked = this.length + q.length;
    if (asked <= this.capacity) return;
    throw new RangeError(`${where}: cache full: capacity ${this.capacity}, asked for ${asked}`);
  }

  /** Keeps what of the new tokens may be seen again. */
  #end<O extends SyncAppendOptions>(
    { q, k, v }: DecoderInputs,
    call: RelativeCall,
    info: RunInfo,
    options: O | undefined,
  ): ResultFor<O> {
    const { segment, memory } = this.#variant;
    const [before, cache] = [this.length, this.#cache];
    if (cache !== undefined && q.length > segment + memory) {
      const first = this.#firstNeeded(before + q.length);
      const kept = Math.max(before, first);
      cache.drop(first, before);
      cache.write(k, v, kept - before, q.length, kept);
    }
    this.#history.grow(q.length);
    return resultOf(info, call, options);
  }

  /** The first key that is seen by a query after `length` tokens, or after as many of them as may be taken back. */
  #firstNeeded(length: number): number {
    const { segment, memory } = this.#variant;
    return Math.max(0, Math.floor(Math.max(0, length - this.#rewindable) / segment) * segment - memory);
  }

  /** The shortest length whose next query still finds all that it sees. */
  #leastLength(): number {
    const first = this.#cache?.first ?? 0;
    const { segment, memory } = this.#variant;
    return first === 0 ? 0 : Math.ceil((first + memory) / segment) * segment;
  }
}
