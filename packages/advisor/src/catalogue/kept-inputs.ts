import type { Tensor } from "@saccade/core";
import type { CandidateTokens } from "./candidate.ts";
import type { TokenInput } from "./made-inputs.ts";

/**
 * What calls bring beside q, k and v. The last call's are kept: a variant that is measured call after call is not to be measured making
 * them. Those that are views of a call's own tensors are made anew.
 */
export class KeptInputs {
  readonly #inputs: readonly TokenInput[];
  #key = "";
  #made: Readonly<Record<string, Tensor>> = {};

  constructor(inputs: readonly TokenInput[]) {
    this.#inputs = inputs;
  }

  of(tokens: CandidateTokens, position: number): Readonly<Record<string, Tensor>> {
    if (this.#inputs.length === 0) return {};
    const { q, k } = tokens;
    const key = [q.batch, q.heads, k.heads, q.length, k.length, q.width, position].join(" ");
    const whole = this.#inputs.every(({ ofTokens }) => !ofTokens);
    if (whole && key === this.#key) return this.#made;
    const made = Object.fromEntries(this.#inputs.map((input) => [input.name, input.make(tokens, position)]));
    if (whole) [this.#key, this.#made] = [key, made];
    return made;
  }

  bytes(shape: Parameters<TokenInput["bytes"]>[0]): number {
    return this.#inputs.reduce((sum, input) => sum + input.bytes(shape), 0);
  }
}
