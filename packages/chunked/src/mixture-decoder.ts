import type {
  AppendOptions,
  Attention,
  Checkpoint,
  Decoder,
  DecoderInputs,
  DecoderOptions,
  ResultFor,
  SyncAppendOptions,
} from "@saccade/core";
import { checkCall } from "./check-call.ts";
import { mix, mixSync } from "./mix-branches.ts";
import { finished, mixOptions, type BranchResult } from "./mixture-result.ts";

/**
 * A decoder of every branch, in step. What one of them refuses all would refuse, so that the first one speaks for all; and only it can
 * be cancelled, for what it has taken the others have to take as well.
 */
export class MixtureDecoder implements Decoder {
  readonly #name: string;
  readonly #learnedSinks: Float32Array | undefined;
  readonly #branches: readonly Decoder[];
  readonly #checkpoints = new WeakMap<Checkpoint, readonly Checkpoint[]>();
  #running = false;
  /** Why branches hold different tokens: one failed after another had taken them. */
  #broken: unknown;

  constructor(
    name: string,
    branches: readonly Attention[],
    learnedSinks: Float32Array | undefined,
    options: DecoderOptions,
  ) {
    this.#name = `${name}.decoder`;
    this.#learnedSinks = learnedSinks;
    this.#branches = branches.map((branch) => branch.decoder(options));
  }

  get length(): number {
    return this.#branches[0]!.length;
  }

  get capacity(): number {
    return this.#branches[0]!.capacity;
  }

  get cacheBytes(): number {
    return this.#branches.reduce((bytes, branch) => bytes + branch.cacheBytes, 0);
  }

  async append<const O extends AppendOptions = AppendOptions>(
    inputs: DecoderInputs,
    options?: O,
  ): Promise<ResultFor<O>> {
    const where = `${this.#name}.append`;
    this.#check(where);
    checkCall(where, inputs.q, inputs.v, this.#learnedSinks, options?.out);
    this.#running = true;
    const results: BranchResult[] = [];
    try {
      for (const branch of this.#branches) {
        const signal = results.length === 0 ? options?.signal : undefined;
        results.push(await branch.append(inputs, { ...options, signal, partial: true, out: undefined }));
      }
      return finished(await mix(results, mixOptions(this.#learnedSinks, options)), results, options);
    } catch (error) {
      if (results.length > 0) this.#broken = error;
      throw error;
    } finally {
      this.#running = false;
    }
  }

  appendSync<const O extends SyncAppendOptions = SyncAppendOptions>(inputs: DecoderInputs, options?: O): ResultFor<O> {
    const where = `${this.#name}.appendSync`;
    this.#check(where);
    checkCall(where, inputs.q, inputs.v, this.#learnedSinks, options?.out);
    const results: BranchResult[] = [];
    try {
      for (const branch of this.#branches) {
        results.push(branch.appendSync(inputs, { ...options, partial: true, out: undefined }));
      }
      return finished(mixSync(results, mixOptions(this.#learnedSinks, options)), results, options);
    } catch (error) {
      if (results.length > 0) this.#broken = error;
      throw error;
    }
  }

  checkpoint(): Checkpoint {
    this.#check(`${this.#name}.checkpoint`);
    const parts = this.#branches.map((branch) => branch.checkpoint());
    const checkpoint = Object.freeze({ length: this.length });
    this.#checkpoints.set(checkpoint, parts);
    return checkpoint;
  }

  restore(checkpoint: Checkpoint): void {
    const where = `${this.#name}.restore`;
    this.#check(where);
    const parts = this.#checkpoints.get(checkpoint);
    if (parts === undefined) throw new TypeError(`${where}: the checkpoint is not one of this decoder`);
    for (const index of this.#strictestFirst()) this.#branches[index]!.restore(parts[index]!);
  }

  rewind(tokens: number): void {
    this.#check(`${this.#name}.rewind`);
    for (const index of this.#strictestFirst()) this.#branches[index]!.rewind(tokens);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#branches.map((branch) => branch[Symbol.asyncDispose]()));
  }

  /** The branch with the smallest cache forgets first: where it can go back, all can. */
  #strictestFirst(): number[] {
    const bytes = this.#branches.map((branch) => branch.cacheBytes);
    return [...bytes.keys()].sort((a, b) => bytes[a]! - bytes[b]!);
  }

  #check(where: string): void {
    if (this.#running) throw new Error(`${where}: another append is still running`);
    if (this.#broken === undefined) return;
    throw new Error(`${where}: an append failed after some branches had taken its tokens`, { cause: this.#broken });
  }
}
