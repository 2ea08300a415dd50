import type {
  Checkpoint,
  DecoderOptions,
  PlanShape,
  SelectedAppendOptions,
  SelectedAttention,
  SelectedDecoder,
  SelectedDecoderInputs,
  SelectedForwardOptions,
  SelectedPart,
  SelectedPlan,
  SelectedResultFor,
  SelectedSyncAppendOptions,
  SelectedSyncForwardOptions,
} from "@saccade/core";
import type { Compression } from "./compression.ts";
import { gatedReference } from "./gated-reference.ts";
import { planGated } from "./gated-plan.ts";
import type { NativeSparseInputs } from "./native-sparse-inputs.ts";

/** Options of a call whose result has no log-sum-exp. */
type Gated<O> = Omit<O, "lse" | "partial">;

/** A gated sum of branches, with what the selected one came to. It has no lse, and joins with nothing. */
export type GatedResultFor<O> = Omit<SelectedResultFor<O>, "lse"> & { readonly combine: "gated" };

/** Attention whose branches are joined by gates. */
export interface GatedAttention extends Pick<
  SelectedAttention<NativeSparseInputs>,
  "name" | "selection" | "selects" | "select"
> {
  forward<const O extends Gated<SelectedForwardOptions> = Gated<SelectedForwardOptions>>(
    inputs: NativeSparseInputs,
    options?: O,
  ): Promise<GatedResultFor<O>>;
  forwardSync<const O extends Gated<SelectedSyncForwardOptions> = Gated<SelectedSyncForwardOptions>>(
    inputs: NativeSparseInputs,
    options?: O,
  ): GatedResultFor<O>;
  /** All branches together; `selecting` is the choice of blocks. */
  plan(shape: PlanShape): SelectedPlan;
  /** float64, [B, H, N, E]. `selection`: what `select` returned, instead of a selection in float64. */
  reference(
    inputs: NativeSparseInputs,
    options?: { readonly selection?: readonly SelectedPart[] | undefined },
  ): { readonly out: Float64Array };
  decoder(options: DecoderOptions): GatedDecoder;
}

/** New tokens, with their gates and what branches have of their own. */
export type GatedDecoderInputs = Omit<SelectedDecoderInputs<NativeSparseInputs>, "bias" | "mask">;

export interface GatedDecoder extends Omit<SelectedDecoder<NativeSparseInputs>, "append" | "appendSync"> {
  append<const O extends Gated<SelectedAppendOptions> = Gated<SelectedAppendOptions>>(
    inputs: GatedDecoderInputs,
    options?: O,
  ): Promise<GatedResultFor<O>>;
  appendSync<const O extends Gated<SelectedSyncAppendOptions> = Gated<SelectedSyncAppendOptions>>(
    inputs: GatedDecoderInputs,
    options?: O,
  ): GatedResultFor<O>;
}

/** What a gated attention is made of. */
export interface GatedParts {
  /** The branch that selects, whose rows are finished by the other two. */
  readonly selecting: SelectedAttention<NativeSparseInputs>;
  readonly compression: Compression;
  readonly window: number;
  readonly scale: number | undefined;
  readonly documents: ArrayLike<number> | undefined;
}

export function gatedAttention(parts: GatedParts): GatedAttention {
  const { selecting } = parts;
  const { name, selection, selects } = selecting;
  return {
    name,
    selection,
    selects,
    select: (inputs, options) => selecting.select(inputs, options),
    async forward<const O extends Gated<SelectedForwardOptions>>(inputs: NativeSparseInputs, options?: O) {
      refuseLse(`${name}.forward`, options);
      return gated<O>(await selecting.forward(inputs, options));
    },
    forwardSync<const O extends Gated<SelectedSyncForwardOptions>>(inputs: NativeSparseInputs, options?: O) {
      refuseLse(`${name}.forwardSync`, options);
      return gated<O>(selecting.forwardSync(inputs, options));
    },
    plan: (shape) => planGated(parts, shape),
    reference: (inputs, options) => gatedReference(parts, inputs, options?.selection),
    decoder: (options) => new BranchesDecoder(`${name}.decoder`, selecting.decoder(options)),
  };
}

function gated<O>(result: object): GatedResultFor<O> {
  return { ...result, combine: "gated" } as unknown as GatedResultFor<O>;
}

/** The types allow neither; callers in JavaScript may ask. */
function refuseLse(where: string, options: object = {}): void {
  for (const option of ["lse", "partial"] as const) {
    if (Reflect.get(options, option) === true)
      throw new TypeError(`${where}: ${option} is true, but a gated sum has no lse`);
  }
}

class BranchesDecoder implements GatedDecoder {
  readonly #name: string;
  readonly #decoder: SelectedDecoder<NativeSparseInputs>;

  constructor(name: string, decoder: SelectedDecoder<NativeSparseInputs>) {
    this.#name = name;
    this.#decoder = decoder;
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

  async append<const O extends Gated<SelectedAppendOptions>>(
    inputs: GatedDecoderInputs,
    options?: O,
  ): Promise<GatedResultFor<O>> {
    refuseLse(`${this.#name}.append`, options);
    return gated<O>(await this.#decoder.append(inputs, options));
  }

  appendSync<const O extends Gated<SelectedSyncAppendOptions>>(
    inputs: GatedDecoderInputs,
    options?: O,
  ): GatedResultFor<O> {
    refuseLse(`${this.#name}.appendSync`, options);
    return gated<O>(this.#decoder.appendSync(inputs, options));
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

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#decoder[Symbol.asyncDispose]());
  }
}
