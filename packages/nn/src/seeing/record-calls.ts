import type { MixOptions, MixResult } from "@saccade/core";

/** An attention that keeps what it was called with. */
export interface RecordedCalls<A extends Recordable> {
  /** The same attention, to be given to a layer or a model. Maps are made of the one that it was made of: their calls would be kept too. */
  readonly attention: A;
  /** What `forward` was called with, in order: a call for every layer that has this attention. Views, not copies. */
  readonly calls: readonly Parameters<A["forward"]>[0][];
}

/** Attention of any kind. */
export interface Recordable {
  readonly forward: (inputs: never, options?: MixOptions) => Promise<MixResult>;
}

/**
 * An attention that keeps its calls, so that a layer's or a model's queries and keys can be looked at afterwards: by `attentionMap`, and all
 * of a model's layers by `rollout`. Calls of decoders are not kept.
 *
 * @example
 * const attend = dense({ causal: true });
 * const { attention, calls } = recordCalls(attend);
 * await layer.with({ attention }).forward(x);
 * await attentionMap(attend, calls[0]!, { queries: [0] });
 */
export function recordCalls<A extends Recordable>(attention: A): RecordedCalls<A> {
  const calls: Parameters<A["forward"]>[0][] = [];
  const forward = (inputs: Parameters<A["forward"]>[0], options?: MixOptions): Promise<MixResult> => {
    calls.push(inputs);
    return attention.forward(inputs, options);
  };
  return { attention: { ...attention, forward }, calls };
}
