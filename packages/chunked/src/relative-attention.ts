import {
  dense,
  type Attention,
  type AttentionInputs,
  type DecoderOptions,
  type ForwardOptions,
  type Plan,
  type PlanShape,
  type ResultFor,
  type SyncForwardOptions,
  type Tensor,
} from "@saccade/core";
import { checkCall } from "./check-call.ts";
import type { RelativeTables } from "./relative-bias.ts";
import { runRelative, runRelativeSync, type RelativeCall, type RelativeVariant } from "./relative-call.ts";
import { cacheRows, RelativeDecoder } from "./relative-decoder.ts";
import { relativeReference } from "./relative-reference.ts";
import { resultOf, roomFor } from "./relative-room.ts";

interface RelativeAttentionOptions {
  readonly name: string;
  readonly segment: number;
  readonly memory: number;
  readonly tables: RelativeTables;
  /** The same attention without position terms, which checks calls and knows their pairs. */
  readonly plain: Attention;
  readonly scale: number | undefined;
  readonly learnedSinks: Float32Array | undefined;
}

/** Transformer-XL's attention, segment by segment. */
export function relativeAttention({ plain, learnedSinks, ...rest }: RelativeAttentionOptions): Attention {
  const { name, tables, scale } = rest;
  const causal = dense({ causal: true, scale, learnedSinks });
  const variant: RelativeVariant = { ...rest, causal };
  const check = (where: string, inputs: AttentionInputs, out: Tensor | undefined): void => {
    checkCall(where, inputs.q, inputs.v, learnedSinks, out);
    for (const term of ["bias", "mask"] as const) {
      if (inputs[term] !== undefined) throw new TypeError(`${where}: a ${term} does not go with relativeBias`);
    }
    tables.check(inputs.q);
  };
  return {
    name,
    selection: "static",
    async forward<const O extends ForwardOptions>(inputs: AttentionInputs, options?: O): Promise<ResultFor<O>> {
      check(`${name}.forward`, inputs, options?.out);
      const none = await plain.forward(withoutQueries(inputs), { ...options, out: undefined });
      const call = callOf(inputs, options?.out);
      return resultOf((await runRelative(variant, call, options)) ?? none, call, options);
    },
    forwardSync<const O extends SyncForwardOptions>(inputs: AttentionInputs, options?: O): ResultFor<O> {
      check(`${name}.forwardSync`, inputs, options?.out);
      const none = plain.forwardSync(withoutQueries(inputs), { ...options, out: undefined });
      const call = callOf(inputs, options?.out);
      return resultOf(runRelativeSync(variant, call, options) ?? none, call, options);
    },
    plan: (shape: PlanShape) => planOf(variant, plain, shape),
    reference(inputs: AttentionInputs, { partial = false }: { readonly partial?: boolean } = {}) {
      check(`${name}.reference`, inputs, undefined);
      plain.reference(withoutQueries(inputs));
      return relativeReference(variant, tables.check(inputs.q), inputs, partial ? undefined : learnedSinks);
    },
    decoder: (decoderOptions: DecoderOptions) => new RelativeDecoder(variant, learnedSinks, decoderOptions),
  };
}

/** Everything that can be wrong with a call is wrong without queries too, and then costs nothing. */
function withoutQueries(inputs: AttentionInputs): AttentionInputs {
  const { q, k, queryOffset, keyLengths } = inputs;
  const offset = queryOffset ?? (keyLengths === undefined ? k?.length - q.length : undefined);
  return { ...inputs, q: { ...q, length: 0 }, queryOffset: offset };
}

function callOf({ q, k, v, queryOffset, keyLengths }: AttentionInputs, out: Tensor | undefined): RelativeCall {
  return {
    ...roomFor(q, v, out),
    q,
    place: (b) => {
      const keys = keyLengths?.[b] ?? k.length;
      return { offset: (typeof queryOffset === "number" ? queryOffset : queryOffset?.[b]) ?? keys - q.length, keys };
    },
    keysFrom: () => ({ k, v, first: 0 }),
  };
}

function planOf({ segment, memory }: RelativeVariant, plain: Attention, shape: PlanShape): Plan {
  const plan = plain.plan(shape);
  const { batch = 1, heads, kvHeads = heads, queries, keys = queries, headDim, valueDim = headDim } = shape;
  const rows = Math.min(segment, queries);
  const distances = segment + memory;
  const cached = Math.min(keys, cacheRows(segment, memory, shape.rewindable ?? 0));
  return {
    get flops() {
      return plan.flops + 2 * headDim * plan.visiblePairs;
    },
    // The products with distances are written once and read once, as a bias.
    bytesRead: plan.bytesRead + 4 * plan.visitedPairs,
    workspaceBytes:
      plan.workspaceBytes + heads * (4 * rows * distances + 12 * rows * headDim + 8 * distances * headDim),
    cacheBytes: 4 * batch * kvHeads * cached * (headDim + valueDim),
    get visiblePairs() {
      return plan.visiblePairs;
    },
    visitedPairs: plan.visitedPairs,
    density: plan.density,
    exact: plan.exact,
  };
}
