import type { AttentionInputs } from "../attention.ts";
import { result } from "../run-job.ts";
import type { Visibility } from "../runtime/runtime.ts";
import { UNBOUNDED, type Reach } from "../schedule/reach.ts";
import type { Attended, SelectedJob } from "./attend-selected.ts";
import type { SelectedResultFor, SelectedSyncForwardOptions } from "./selected-options.ts";

const CAUSAL: Reach = { ahead: 0, back: Infinity };

/** What dense attention would see. */
export function visibilityOf({ causal }: { readonly causal: boolean }): Visibility {
  return { reach: causal ? CAUSAL : UNBOUNDED, mask: undefined };
}

/** The result that options ask for. */
export function finished<I extends AttentionInputs, O extends SelectedSyncForwardOptions>(
  job: SelectedJob<I>,
  { ran, selected, selectedMass }: Attended,
  options: O | undefined,
): SelectedResultFor<O> {
  const base = { ...result(job, ran, options), selected };
  return (selectedMass === undefined ? base : { ...base, selectedMass }) as SelectedResultFor<O>;
}
