import type { AttentionInputs } from "../attention.ts";
import { checkDecoder, checkTokens } from "../decoder/check-decoder.ts";
import type { Checkpoint, DecoderOptions } from "../decoder/decoder.ts";
import { History } from "../decoder/history.ts";
import { bytesOfCache, TokenCache, type CacheSizes } from "../decoder/token-cache.ts";
import { roomFor, scoresOf } from "../job.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { readyRuntime, sharedRuntime, sharedRuntimeSync, type RuntimeChoice } from "../runtime/select.ts";
import { checkPairTensor, type AttentionShape } from "../shape.ts";
import { attendSelected, type SelectedJob } from "./attend-selected.ts";
import { finished, visibilityOf } from "./finished.ts";
import type {
  SelectedAppendOptions,
  SelectedDecoder,
  SelectedDecoderInputs,
  SelectedResultFor,
  SelectedSyncAppendOptions,
} from "./selected-options.ts";
import type { Kept, KeptSizes, SelectingVariant } from "./selecting-variant.ts";
import { run, runSync, type Steps } from "./steps.ts";

/**
 * The decoder of a selecting variant: beside keys and values it keeps what selecting needs.
 *
 * @throws Error when the variant has none, saying why.
 */
export function makeSelectedDecoder<I extends AttentionInputs, S>(
  variant: SelectingVariant<I, S>,
  options: DecoderOptions,
): SelectedDecoder<I> {
  return new KeepingDecoder(variant, options);
}

/** What a decoder holds in its runtime's memory. */
interface Held<I extends AttentionInputs, S> {
  readonly cache: TokenCache;
  readonly kept: Kept<I, S>;
}

class KeepingDecoder<I extends AttentionInputs, S> implements SelectedDecoder<I> {
  readonly capacity: number;
  readonly cacheBytes: number;
  readonly #variant: SelectingVariant<I, S>;
  readonly #keep: NonNullable<SelectingVariant<I, S>["keep"]>;
  readonly #name: string;
  readonly #keptSizes: KeptSizes;
  readonly #sizes: CacheSizes;
  readonly #choice: RuntimeChoice;
  readonly #threads: number | undefined;
  readonly #history: History;
  #held: Held<I, S> | undefined;
  #running: Promise<unknown> | undefined;
  #disposed = false;

  constructor(variant: SelectingVariant<I, S>, options: DecoderOptions) {
    const where = `${variant.name}.decoder`;
    const { keep, noDecoder, documents } = variant;
    if (keep === undefined) throw new Error(`${where}: ${noDecoder ?? `selection is "${variant.selection}"`}`);
    if (documents !== undefined) throw new Error(`${where}: a decoder holds one document, make one for each`);
    const { capacity, rewindable, ...sizes } = checkDecoder(where, options, false);
    this.#variant = variant;
    this.#keep = keep;
    this.#name = where;
    this.#sizes = { ...sizes, rows: capacity };
    this.#keptSizes = { ...sizes, heads: options.heads, keys: capacity };
    this.#choice = options.runtime ?? "auto";
    this.#threads = options.threads;
    this.#history = new History(rewindable);
    this.capacity = capacity;
    this.cacheBytes = bytesOfCache(this.#sizes) + variant.summaryBytes(this.#keptSizes);
  }

  get length(): number {
    return this.#history.length;
  }

  async append<const O extends SelectedAppendOptions>(
    inputs: SelectedDecoderInputs<I>,
    options?: O,
  ): Promise<SelectedResultFor<O>> {
    const where = `${this.#name}.append`;
    options?.signal?.throwIfAborted();
    const shape = this.#check(where, inputs);
    const appended = this.#appendNow(where, shape, inputs, options);
    this.#running = appended;
    try {
      return await appended;
    } finally {
      this.#running = undefined;
    }
  }

  async #appendNow<O extends SelectedAppendOptions>(
    where: string,
    shape: AttentionShape,
    inputs: SelectedDecoderInputs<I>,
    options: O | undefined,
  ): Promise<SelectedResultFor<O>> {
    const choice = this.#choice;
    const runtime = readyRuntime(choice) ?? (await sharedRuntime(choice));
    const { job, summary } = this.#write(where, runtime, shape, inputs, options);
    const how = { where, runtime, choice, options: { threads: this.#threads, ...options } };
    const attended = await run(attendSelected(where, this.#variant, job, options?.selectedMass, summary), how);
    this.#history.grow(inputs.k.length);
    return finished(job, attended, options);
  }

  appendSync<const O extends SelectedSyncAppendOptions>(
    inputs: SelectedDecoderInputs<I>,
    options?: O,
  ): SelectedResultFor<O> {
    const where = `${this.#name}.appendSync`;
    const shape = this.#check(where, inputs);
    const choice = this.#choice;
    const runtime = sharedRuntimeSync(choice);
    const { job, summary } = this.#write(where, runtime, shape, inputs, options);
    const how = { where, runtime, choice, options: { threads: this.#threads, ...options } };
    const attended = runSync(attendSelected(where, this.#variant, job, options?.selectedMass, summary), how);
    this.#history.grow(inputs.k.length);
    return finished(job, attended, options);
  }

  checkpoint(): Checkpoint {
    this.#checkIdle(`${this.#name}.checkpoint`);
    return this.#history.checkpoint();
  }

  restore(checkpoint: Checkpoint): void {
    const where = `${this.#name}.restore`;
    this.#checkIdle(where);
    this.#history.restore(where, checkpoint, 0);
  }

  rewind(tokens: number): void {
    const where = `${this.#name}.rewind`;
    this.#checkIdle(where);
    this.#history.rewind(where, tokens, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    await this.#running?.catch(() => undefined);
    this.#held?.cache.free();
    this.#held?.kept.free();
    this.#held = undefined;
  }

  #checkIdle(where: string): void {
    if (this.#disposed) throw new Error(`${where}: the decoder is disposed`);
    if (this.#running !== undefined) throw new Error(`${where}: another append is still running`);
  }

  #check(where: string, inputs: SelectedDecoderInputs<I>): AttentionShape {
    this.#checkIdle(where);
    const shape = checkTokens(
      where,
      inputs,
      { ...this.#sizes, heads: this.#keptSizes.heads },
      this.length,
      this.capacity,
      true,
    );
    checkPairTensor(where, "bias", inputs.bias, shape);
    checkPairTensor(where, "mask", inputs.mask, shape);
    this.#variant.checkInputs?.(where, given(inputs), { ...shape, keys: inputs.k.length });
    return shape;
  }

  #open(where: string, runtime: Runtime): Held<I, S> {
    if (this.#held !== undefined) return this.#held;
    const cache = new TokenCache(where, runtime, this.#sizes);
    try {
      this.#held = { cache, kept: this.#keep(where, this.#keptSizes, runtime) };
    } catch (error) {
      cache.free();
      throw error;
    }
    return this.#held;
  }

  /** Tokens become part of the cache behind its length, which grows once they are attended to. */
  #write(
    where: string,
    runtime: Runtime,
    shape: AttentionShape,
    inputs: SelectedDecoderInputs<I>,
    options: SelectedSyncAppendOptions | undefined,
  ): { readonly job: SelectedJob<I>; readonly summary: () => Steps<S> } {
    const { q, k, v, bias, mask } = inputs;
    const { length } = this;
    const scores = scoresOf(where, this.#variant, shape, { bias, mask, partial: options?.partial === true });
    const room = roomFor(where, { shape, q, k, v }, options);
    const { cache, kept } = this.#open(where, runtime);
    kept.truncate(length);
    cache.write(k, v, 0, k.length, length);
    const { batch } = shape;
    const job = {
      shape,
      q,
      ...cache.tensors(this.#sizes.rows),
      positions: {
        queryOffset: new Int32Array(batch).fill(shape.keys - shape.queries),
        keyLength: new Int32Array(batch).fill(shape.keys),
      },
      visibility: visibilityOf(this.#variant),
      scores,
      inputs: given(inputs),
      ...room,
    };
    function* summary(): Steps<S> {
      yield* kept.take(
        job.inputs,
        length,
        shape.keys,
        (from, to) => cache.wideKeys(from, to - from),
        (from, to) => cache.wideValues(from, to - from),
      );
      return kept.summary();
    }
    return { job, summary };
  }
}

/** New tokens have all that a call has but for positions, which are the decoder's. */
function given<I extends AttentionInputs>(inputs: SelectedDecoderInputs<I>): I {
  return inputs as unknown as I;
}
