import type { AttentionInputs, ForwardOptions, ReferenceResult, SyncForwardOptions } from "../attention.ts";
import type { DecoderOptions } from "../decoder/decoder.ts";
import { define } from "../definition.ts";
import { checkCall, roomFor } from "../job.ts";
import type { PlanShape } from "../plan.ts";
import { softmaxReference, type ReferenceJob } from "../reference.ts";
import { readyRuntime, sharedRuntime, sharedRuntimeSync } from "../runtime/select.ts";
import { attendSelected, nothing, placeRows, selectAll, type SelectedJob } from "./attend-selected.ts";
import { callParts, partOf } from "./call-part.ts";
import { checkDocuments } from "./check-documents.ts";
import { finished, visibilityOf } from "./finished.ts";
import { selectedVisibility } from "./selected-blocks.ts";
import { makeSelectedDecoder } from "./selected-decoder.ts";
import type {
  SelectedAttention,
  SelectedForwardOptions,
  SelectedPart,
  SelectedReferenceOptions,
  SelectedResultFor,
  SelectedSyncForwardOptions,
} from "./selected-options.ts";
import { planSelected } from "./selected-plan.ts";
import type { SelectingVariant } from "./selecting-variant.ts";
import { run, runSync, type StepsOptions } from "./steps.ts";

/** Makes an Attention of a variant whose queries select: checks, selection, schedules, result. */
export function selectedAttention<I extends AttentionInputs, S>(variant: SelectingVariant<I, S>): SelectedAttention<I> {
  const { name, selection, selects } = variant;
  const attention: SelectedAttention<I> = {
    name,
    selection,
    selects,
    async forward<const O extends SelectedForwardOptions>(inputs: I, options?: O): Promise<SelectedResultFor<O>> {
      const where = `${name}.forward`;
      options?.signal?.throwIfAborted();
      const job = selectedJob(where, variant, inputs, options);
      const how = await waited(where, options);
      return finished(job, await run(attendSelected(where, variant, job, options?.selectedMass), how), options);
    },
    forwardSync<const O extends SelectedSyncForwardOptions>(inputs: I, options?: O): SelectedResultFor<O> {
      const where = `${name}.forwardSync`;
      const job = selectedJob(where, variant, inputs, options);
      const choice = options?.runtime ?? "auto";
      const how = { where, runtime: sharedRuntimeSync(choice), choice, options };
      return finished(job, runSync(attendSelected(where, variant, job, options?.selectedMass), how), options);
    },
    plan: (shape: PlanShape) => planSelected(variant, shape),
    reference(inputs: I, options?: SelectedReferenceOptions): ReferenceResult {
      const call = checkSelecting(`${name}.reference`, variant, inputs, options?.partial === true);
      return selectedReference(call, options?.selection ?? exactParts(variant, call));
    },
    async select(inputs: I, options?: Pick<ForwardOptions, "runtime" | "threads" | "signal">) {
      const where = `${name}.select`;
      options?.signal?.throwIfAborted();
      const call = checkSelecting(where, variant, inputs, false);
      return run(selectAll(variant, call), await waited(where, options));
    },
    decoder: (options: DecoderOptions) => makeSelectedDecoder(variant, options),
  };
  if (variant.finish !== undefined) return attention;
  define<I>(attention, async (where, inputs, options) => {
    const call = checkSelecting(where, variant, inputs, false);
    const parts = await run(selectAll(variant, call), await waited(where, options));
    return parts.map((part) => {
      const own = partOf(call, part);
      return { ...own, visibility: selectedVisibility(part.blocks, own.positions, own.visibility), part };
    });
  });
  return attention;
}

async function waited(where: string, options: ForwardOptions | undefined): Promise<StepsOptions<ForwardOptions>> {
  const choice = options?.runtime ?? "auto";
  return { where, runtime: readyRuntime(choice) ?? (await sharedRuntime(choice)), choice, options };
}

/** A checked call of a selecting variant, seen as dense attention would. */
function checkSelecting<I extends AttentionInputs, S>(
  where: string,
  variant: SelectingVariant<I, S>,
  inputs: I,
  partial: boolean,
): ReferenceJob & { readonly inputs: I } {
  const call = checkCall(where, { ...variant, visibility: visibilityOf(variant) }, inputs, partial);
  checkDocuments(where, variant.documents, call.shape.keys);
  variant.checkInputs?.(where, inputs, call.shape);
  return { ...call, inputs };
}

function selectedJob<I extends AttentionInputs, S>(
  where: string,
  variant: SelectingVariant<I, S>,
  inputs: I,
  options: SyncForwardOptions | undefined,
): SelectedJob<I> {
  const call = checkSelecting(where, variant, inputs, options?.partial === true);
  return { ...call, ...roomFor(where, call, options) };
}

function exactParts<I extends AttentionInputs, S>(
  variant: SelectingVariant<I, S>,
  call: ReferenceJob & { readonly inputs: I },
): SelectedPart[] {
  return callParts(call, variant.documents).map((part) => {
    const own = { ...partOf(call, part), part };
    return { ...part, blocks: own.shape.keys === 0 ? nothing(own.shape) : variant.selectExactly(own) };
  });
}

function selectedReference(call: ReferenceJob, parts: readonly SelectedPart[]): ReferenceResult {
  const { shape } = call;
  const { batch, heads, queries, valueDim } = shape;
  const out = new Float64Array(batch * heads * queries * valueDim);
  const lse = new Float64Array(batch * heads * queries);
  for (const part of parts) {
    const own = partOf(call, part);
    const visibility = selectedVisibility(part.blocks, own.positions, own.visibility);
    const rows = softmaxReference({ ...own, visibility });
    placeRows(out, rows.out, shape, part, valueDim);
    placeRows(lse, rows.lse, shape, part);
  }
  return { out, lse };
}
