import type {
  Attention,
  AttentionInputs,
  ForwardOptions,
  ReferenceResult,
  ResultFor,
  SyncForwardOptions,
} from "./attention.ts";
import { makeDecoder } from "./decoder/cache-decoder.ts";
import type { DecoderOptions } from "./decoder/decoder.ts";
import { define } from "./definition.ts";
import { checkCall, jobOf, type SoftmaxVariant } from "./job.ts";
import { makePlan, type PlanShape } from "./plan.ts";
import { softmaxReference, type ReferenceJob } from "./reference.ts";
import { runJob, runJobSync } from "./run-job.ts";
import { openReference } from "./runtime/reference.ts";
import { readyRuntime, sharedRuntime, sharedRuntimeSync } from "./runtime/select.ts";
import { turn, turnSync } from "./turning.ts";

/** Makes an Attention of a variant: checks, schedule, runtime, result. */
export function softmaxAttention(variant: SoftmaxVariant): Attention {
  const attention: Attention = {
    name: variant.name,
    selection: variant.selection,
    async forward<const O extends ForwardOptions>(inputs: AttentionInputs, options?: O): Promise<ResultFor<O>> {
      const where = `${variant.name}.forward`;
      options?.signal?.throwIfAborted();
      const choice = options?.runtime ?? "auto";
      const call = checkCall(where, variant, inputs, options?.partial === true);
      const runtime = readyRuntime(choice) ?? (await sharedRuntime(choice));
      const turned = variant.turning && (await turn(variant.turning, turnInputs(call), runtime, options?.signal));
      const job = jobOf(where, variant, { ...call, ...turned }, options);
      return (await runJob(where, runtime, choice, job, options)) as ResultFor<O>;
    },
    forwardSync<const O extends SyncForwardOptions>(inputs: AttentionInputs, options?: O): ResultFor<O> {
      const where = `${variant.name}.forwardSync`;
      const choice = options?.runtime ?? "auto";
      const call = checkCall(where, variant, inputs, options?.partial === true);
      const runtime = sharedRuntimeSync(choice);
      const turned = variant.turning && turnSync(variant.turning, turnInputs(call), runtime);
      const job = jobOf(where, variant, { ...call, ...turned }, options);
      return runJobSync(where, runtime, choice, job, options) as ResultFor<O>;
    },
    plan: (shape: PlanShape) => makePlan(variant, shape),
    reference(inputs: AttentionInputs, options?: { readonly partial?: boolean }): ReferenceResult {
      const call = checkCall(`${variant.name}.reference`, variant, inputs, options?.partial === true);
      const turned = variant.turning && turnSync(variant.turning, turnInputs(call), openReference());
      return softmaxReference({ ...call, ...turned });
    },
    decoder: (options: DecoderOptions) => makeDecoder(variant, options),
  };
  define(attention, async (where, inputs, options) => {
    const call = checkCall(where, variant, inputs, false);
    const { batch, queries, keys } = call.shape;
    const part = { batch: 0, batchEnd: batch, query: 0, queryEnd: queries, key: 0, keyEnd: keys };
    if (variant.turning === undefined) return [{ ...call, part }];
    const choice = options?.runtime ?? "auto";
    const runtime = readyRuntime(choice) ?? (await sharedRuntime(choice));
    return [{ ...call, ...(await turn(variant.turning, turnInputs(call), runtime, options?.signal)), part }];
  });
  return attention;
}

function turnInputs({ q, k, positions }: ReferenceJob): Parameters<typeof turnSync>[1] {
  return { q, k, queryStart: positions.queryOffset, keyStart: new Int32Array(q.batch) };
}
