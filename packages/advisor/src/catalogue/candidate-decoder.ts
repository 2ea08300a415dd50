import type { Checkpoint, MixDecoder, MixOptions, MixResult } from "@saccade/core";
import type { CandidateDecoder, CandidateTokens } from "./candidate.ts";
import type { TokenInput } from "./made-inputs.ts";

/** A decoder whose tokens get what they bring beside queries, keys and values by their positions. */
export class InputsDecoder implements CandidateDecoder {
  readonly #decoder: MixDecoder;
  readonly #inputs: readonly TokenInput[];

  constructor(decoder: MixDecoder, inputs: readonly TokenInput[]) {
    this.#decoder = decoder;
    this.#inputs = inputs;
  }

  get length(): number {
    return this.#decoder.length;
  }

  get capacity(): number {
    return this.#decoder.capacity;
  }

  get cacheBytes(): number {
    return this.#decoder.cacheBytes;
  }

  append(tokens: CandidateTokens, options?: Omit<MixOptions, "runtime">): Promise<MixResult> {
    return this.#decoder.append(this.#whole(tokens), options);
  }

  appendSync(tokens: CandidateTokens, options?: Omit<MixOptions, "runtime" | "signal">): MixResult {
    return this.#decoder.appendSync(this.#whole(tokens), options);
  }

  checkpoint(): Checkpoint {
    return this.#decoder.checkpoint();
  }

  restore(checkpoint: Checkpoint): void {
    this.#decoder.restore(checkpoint);
  }

  rewind(tokens: number): void {
    this.#decoder.rewind(tokens);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#decoder[Symbol.asyncDispose]();
  }

  #whole(tokens: CandidateTokens): CandidateTokens {
    const { length } = this.#decoder;
    return { ...tokens, ...Object.fromEntries(this.#inputs.map((each) => [each.name, each.make(tokens, length)])) };
  }
}
