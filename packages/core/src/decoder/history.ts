import { describe } from "../tensor.ts";
import type { Checkpoint } from "./decoder.ts";

/** How many tokens a decoder has, and which earlier lengths it can be taken back to. */
export class History {
  readonly #rewindable: number;
  #length = 0;
  #greatest = 0;
  readonly #made = new WeakMap<Checkpoint, number>();
  #takenBack = 0;
  /** Lengths the decoder was taken back to, rising, each with the number of times it had been taken back by then. */
  readonly #lows: { length: number; time: number }[] = [];

  constructor(rewindable: number) {
    this.#rewindable = rewindable;
  }

  get length(): number {
    return this.#length;
  }

  grow(tokens: number): void {
    this.#length += tokens;
    this.#greatest = Math.max(this.#greatest, this.#length);
  }

  checkpoint(): Checkpoint {
    const checkpoint = Object.freeze({ length: this.#length });
    this.#made.set(checkpoint, this.#takenBack);
    return checkpoint;
  }

  /** @param least the shortest length whose keys are still there. */
  restore(where: string, checkpoint: Checkpoint, least: number): void {
    const made = this.#made.get(checkpoint);
    if (made === undefined) throw new TypeError(`${where}: the checkpoint is not one of this decoder`);
    const { length } = checkpoint;
    const since = this.#lows.find((low) => low.time > made);
    if (since !== undefined && since.length < length) {
      throw new RangeError(
        `${where}: the checkpoint at length ${length} is gone: the decoder was taken back to ${since.length} since`,
      );
    }
    if (length < least) {
      throw new RangeError(
        `${where}: the checkpoint at length ${length} is gone: the cache goes back to length ${least}, ` +
          `make it with a larger rewindable than ${this.#rewindable}`,
      );
    }
    this.#takeBack(length);
  }

  /** @param least the shortest length whose keys are still there. */
  rewind(where: string, tokens: number, least: number): void {
    const promised = this.#length - this.#greatest + this.#rewindable;
    const most = Math.max(0, Math.min(this.#length, promised, this.#length - least));
    if (!Number.isInteger(tokens) || tokens < 0 || tokens > most) {
      throw new RangeError(`${where}: asked for ${describe(tokens)} tokens, expected an integer in 0..${most}`);
    }
    this.#takeBack(this.#length - tokens);
  }

  #takeBack(length: number): void {
    this.#takenBack++;
    while (this.#lows.length > 0 && this.#lows.at(-1)!.length >= length) this.#lows.pop();
    this.#lows.push({ length, time: this.#takenBack });
    this.#length = length;
  }
}
