import type {
  Attention,
  AttentionInputs,
  ForwardOptions,
  ReferenceResult,
  ResultFor,
  SyncForwardOptions,
} from "./attention.ts";
import { makeDecoder, type DecoderOptions } from "./decoder.ts";
import { checkCall, makeJob, type SoftmaxVariant } from "./job.ts";
import { makePlan, type PlanShape } from "./plan.ts";
import { softmaxReference } from "./reference.ts";
import { runJob, runJobSync } from "./run-job.ts";
import { readyRuntime, sharedRuntime, sharedRuntimeSync } from "./runtime/select.ts";

/** Makes an Attention of a variant: checks, schedule, runtime, result. */
export function softmaxAttention(variant: SoftmaxVariant): Attention {
  const attention: Attention = {
    name: variant.name,
    selection: variant.selection,
    async forward<const O extends ForwardOptions>(inputs: AttentionInputs, options?: O): Promise<ResultFor<O>> {
      const where = `${variant.name}.forward`;
      options?.signal?.throwIfAborted();
      const choice = options?.runtime ?? "auto";
      const job = makeJob(where, variant, inputs, options);
      const runtime = readyRuntime(choice) ?? (await sharedRuntime(choice));
      return (await runJob(where, runtime, choice, job, options)) as ResultFor<O>;
    },
    forwardSync<const O extends SyncForwardOptions>(inputs: AttentionInputs, options?: O): ResultFor<O> {
      const where = `${variant.name}.forwardSync`;
      const choice = options?.runtime ?? "auto";
      const job = makeJob(where, variant, inputs, options);
      return runJobSync(where, sharedRuntimeSync(choice), choice, job, options) as ResultFor<O>;
    },
    plan: (shape: PlanShape) => makePlan(variant, shape),
    reference(inputs: AttentionInputs, options?: { readonly partial?: boolean }): ReferenceResult {
      return softmaxReference(checkCall(`${variant.name}.reference`, variant, inputs, options?.partial === true));
    },
    decoder: (options: DecoderOptions) => makeDecoder(variant, options),
  };
  return attention;
}
