import type { AttentionResult, ResultFor, SyncForwardOptions } from "../attention.ts";
import { jobOf, scoresOf, type SoftmaxVariant } from "../job.ts";
import { merge } from "../merge.ts";
import { runJob, runJobSync } from "../run-job.ts";
import type { AttentionJob, Runtime } from "../runtime/runtime.ts";
import { readyRuntime, sharedRuntime, sharedRuntimeSync, type RuntimeChoice } from "../runtime/select.ts";
import { checkPairTensor, type AttentionShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { turn, turnSync } from "../turning.ts";
import { checkDecoder, checkTokens } from "./check-decoder.ts";
import type {
  AppendOptions,
  Checkpoint,
  Decoder,
  DecoderInputs,
  DecoderOptions,
  SyncAppendOptions,
} from "./decoder.ts";
import { History } from "./history.ts";
import { fromKey, placeKeys, rowOfKey, runFrom, type Placement, type Retention } from "./retention.ts";
import { bytesOfCache, TokenCache, type CacheSizes } from "./token-cache.ts";

/** The decoder of a variant: its cache holds what the variant's queries can see again. */
export function makeDecoder(variant: SoftmaxVariant, options: DecoderOptions): Decoder {
  return new CacheDecoder(variant, options);
}

/** What a call reads, once it was turned. */
interface Tokens {
  readonly shape: AttentionShape;
  readonly q: Tensor;
  readonly turned?: readonly Tensor[] | undefined;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly bias?: DecoderInputs["bias"];
  readonly mask?: DecoderInputs["mask"];
}

class CacheDecoder implements Decoder {
  readonly capacity: number;
  readonly cacheBytes: number;
  readonly #variant: SoftmaxVariant;
  readonly #name: string;
  readonly #heads: number;
  readonly #sizes: CacheSizes;
  readonly #place: Placement;
  readonly #retention: Retention;
  readonly #choice: RuntimeChoice;
  readonly #threads: number | undefined;
  readonly #history: History;
  #cache: TokenCache | undefined;
  /** Keys before this one, but for the sinks, were written over. */
  #firstKept = 0;
  #running: Promise<unknown> | undefined;
  #disposed = false;

  constructor(variant: SoftmaxVariant, options: DecoderOptions) {
    const where = `${variant.name}.decoder`;
    const { retention } = variant;
    const { capacity, rewindable, ...sizes } = checkDecoder(where, options, retention !== undefined);
    const { sinks, recent } = retention ?? { sinks: 0, recent: capacity };
    const ring = Math.min(capacity, retention === undefined ? capacity : recent + rewindable);
    this.#variant = variant;
    this.#name = where;
    this.#heads = options.heads;
    this.#retention = { sinks, recent };
    this.#place = { sinks, ring: Math.max(1, ring) };
    this.#sizes = { ...sizes, rows: Math.min(capacity, sinks + ring) };
    this.#choice = options.runtime ?? "auto";
    this.#threads = options.threads;
    this.#history = new History(rewindable);
    this.capacity = capacity;
    this.cacheBytes = bytesOfCache(this.#sizes);
  }

  get length(): number {
    return this.#history.length;
  }

  async append<const O extends AppendOptions>(inputs: DecoderInputs, options?: O): Promise<ResultFor<O>> {
    const where = `${this.#name}.append`;
    options?.signal?.throwIfAborted();
    const shape = this.#check(where, inputs);
    const run = this.#appendNow(where, shape, inputs, options);
    this.#running = run;
    try {
      return (await run) as ResultFor<O>;
    } finally {
      this.#running = undefined;
    }
  }

  async #appendNow(
    where: string,
    shape: AttentionShape,
    inputs: DecoderInputs,
    options: AppendOptions | undefined,
  ): Promise<unknown> {
    const runtime = readyRuntime(this.#choice) ?? (await sharedRuntime(this.#choice));
    const cache = this.#open(where, runtime);
    const { turning } = this.#variant;
    const turned = turning && (await turn(turning, this.#turnInputs(inputs), runtime, options?.signal));
    const tokens: Tokens = { ...inputs, ...turned, shape };
    const results: AttentionResult[] = [];
    for (const { job, more } of this.#jobs(where, cache, tokens, options)) {
      const merged = { threads: this.#threads, ...options, ...more };
      results.push(await runJob(where, runtime, this.#choice, job, merged));
    }
    return this.#end(cache, tokens, results, options);
  }

  appendSync<const O extends SyncAppendOptions>(inputs: DecoderInputs, options?: O): ResultFor<O> {
    const where = `${this.#name}.appendSync`;
    const shape = this.#check(where, inputs);
    const runtime = sharedRuntimeSync(this.#choice);
    const cache = this.#open(where, runtime);
    const { turning } = this.#variant;
    const turned = turning && turnSync(turning, this.#turnInputs(inputs), runtime);
    const tokens: Tokens = { ...inputs, ...turned, shape };
    const results = this.#jobs(where, cache, tokens, options).map(({ job, more }) =>
      runJobSync(where, runtime, this.#choice, job, { threads: this.#threads, ...options, ...more }),
    );
    return this.#end(cache, tokens, results, options) as ResultFor<O>;
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
    this.#cache?.free();
    this.#cache = undefined;
  }

  #checkIdle(where: string): void {
    if (this.#disposed) throw new Error(`${where}: the decoder is disposed`);
    if (this.#running !== undefined) throw new Error(`${where}: another append is still running`);
  }

  #check(where: string, inputs: DecoderInputs): AttentionShape {
    this.#checkIdle(where);
    const shape = checkTokens(where, inputs, { ...this.#sizes, heads: this.#heads }, this.length, this.capacity);
    for (const term of ["bias", "mask"] as const) {
      if (inputs[term] === undefined) continue;
      if (this.#variant.retention !== undefined) {
        throw new TypeError(`${where}: a ${term} needs all keys, the cache keeps the last ones; use an expression`);
      }
      checkPairTensor(where, term, inputs[term], shape);
    }
    return shape;
  }

  #open(where: string, runtime: Runtime): TokenCache {
    this.#cache ??= new TokenCache(where, runtime, this.#sizes);
    return this.#cache;
  }

  #turnInputs({ q, k }: DecoderInputs): Parameters<typeof turnSync>[1] {
    const start = new Int32Array(q.batch).fill(this.length);
    const length = this.#variant.turning?.rotary.lengthDependent === true ? this.capacity : 0;
    return { q, k, queryStart: start, keyStart: start, length };
  }

  /** The shortest length whose next query still finds all that it may see. */
  #leastLength(): number {
    return this.#firstKept > this.#retention.sinks ? this.#firstKept + this.#retention.recent - 1 : 0;
  }

  /** Tokens that can be written before they are attended to: the first of them still finds all that it may see. */
  #room(): number {
    return this.#variant.retention === undefined ? Infinity : this.#place.ring - this.#retention.recent + 1;
  }

  /**
   * Few tokens become part of the cache at once, and are then looked at in it. More than there is room for would overwrite what the
   * first of them need: their queries meet the cache as it is and the new keys where the caller has them, and both results are joined.
   */
  #jobs(
    where: string,
    cache: TokenCache,
    tokens: Tokens,
    options: SyncForwardOptions | undefined,
  ): { readonly job: AttentionJob; readonly more: SyncForwardOptions }[] {
    const { shape } = tokens;
    const start = this.length;
    const place = this.#place;
    const placed = (keys: number, how: SyncForwardOptions | undefined): AttentionJob => {
      const job = this.#job(where, { ...tokens, ...cache.tensors(this.#sizes.rows) }, keys, how);
      const schedule =
        this.#variant.retention === undefined ? job.schedule : placeKeys(job.schedule, shape, place, this.#firstKept);
      return { ...job, schedule, rowOfKey: (key) => rowOfKey(place, key) };
    };
    if (shape.queries <= this.#room()) {
      this.#write(cache, tokens, 0);
      return [{ job: placed(shape.keys, options), more: {} }];
    }
    const part: SyncForwardOptions = { partial: true, out: undefined };
    const fresh = this.#job(where, tokens, shape.keys, part);
    const jobs: { job: AttentionJob; more: SyncForwardOptions }[] = [];
    if (start > 0) jobs.push({ job: placed(start, part), more: part });
    jobs.push({ job: { ...fresh, schedule: fromKey(fresh.schedule, shape, start), firstKey: start }, more: part });
    return jobs;
  }

  /** The tokens' queries against `keys` keys. */
  #job(
    where: string,
    { shape, q, turned, k, v, bias, mask, stored }: Tokens & Pick<AttentionJob, "stored">,
    keys: number,
    options: SyncForwardOptions | undefined,
  ): AttentionJob {
    const { batch } = this.#sizes;
    const { visibility, operandOf } = this.#variant;
    const positions = {
      queryOffset: new Int32Array(batch).fill(this.length),
      keyLength: new Int32Array(batch).fill(keys),
    };
    const partial = options?.partial === true;
    const call = {
      shape: { ...shape, keys },
      q,
      turned,
      k,
      v,
      stored,
      positions,
      visibility,
      operandOf,
      scores: scoresOf(where, this.#variant, shape, { bias, mask, partial }),
    };
    return jobOf(where, this.#variant, call, options);
  }

  #end(
    cache: TokenCache,
    tokens: Tokens,
    results: readonly AttentionResult[],
    options: SyncForwardOptions | undefined,
  ): AttentionResult {
    const { queries } = tokens.shape;
    if (queries > this.#room()) this.#write(cache, tokens, Math.max(0, queries - this.#place.ring));
    this.#history.grow(queries);
    return queries > this.#room() ? joined(results, this.#variant, options) : results[0]!;
  }

  /** Writes tokens from `first` on, and those that are sinks, to where they belong. */
  #write(cache: TokenCache, { shape, k, v }: Tokens, first: number): void {
    const { sinks, ring } = this.#place;
    const start = this.length;
    const end = start + shape.queries;
    const skipped = Math.max(sinks, start + first);
    for (let key = start; key < end;) {
      if (key >= sinks && key < skipped) {
        key = skipped;
        continue;
      }
      const count = Math.min(end - key, runFrom(this.#place, key));
      cache.write(k, v, key - start, count, rowOfKey(this.#place, key));
      key += count;
    }
    this.#firstKept = Math.max(this.#firstKept, end - ring);
  }
}

/** What two jobs over disjoint keys give together; learned sinks enter here. */
function joined(
  results: readonly AttentionResult[],
  { learnedSinks }: SoftmaxVariant,
  options: SyncForwardOptions | undefined,
): AttentionResult {
  const parts = results.map(({ out, lse }) => ({ out, lse: lse!, combine: "lse" }) as const);
  const partial = options?.partial === true;
  const { out, lse } = merge(parts, { out: options?.out, learnedSinks: partial ? undefined : learnedSinks });
  const { runtime, instructionSet, threads, notTaken } = results.at(-1)!;
  const base = { out, runtime, instructionSet, threads, notTaken };
  if (partial) return { ...base, lse, combine: "lse" } as AttentionResult;
  return options?.lse === true ? { ...base, lse } : base;
}
