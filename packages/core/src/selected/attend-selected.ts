import type { AttentionInputs, AttentionResult } from "../attention.ts";
import type { ReferenceJob } from "../reference.ts";
import type { AttentionJob } from "../runtime/runtime.ts";
import type { BlockList } from "../schedule/block-list.ts";
import type { AttentionShape } from "../shape.ts";
import { callParts, cut, panelsOf, partOf, type CallPart } from "./call-part.ts";
import { chosenPairs, selectedSchedule, selectedVisibility, type SelectedBlocks } from "./selected-blocks.ts";
import { massOf, measureMass, sampledQueries, type SampleOptions, type SelectedMass } from "./selected-mass.ts";
import type { SelectedPairs, SelectedPart } from "./selected-options.ts";
import type { SelectingCall, SelectingVariant } from "./selecting-variant.ts";
import { attend, type Steps } from "./steps.ts";

/** A call of a selecting variant with room for its result. */
export interface SelectedJob<I extends AttentionInputs> extends ReferenceJob {
  readonly inputs: I;
  readonly out: AttentionJob["out"];
  readonly outIsNew?: boolean | undefined;
  /** [B, H, N] */
  readonly lse: Float32Array | undefined;
}

/** What came of it. */
export interface Attended {
  readonly ran: AttentionResult;
  readonly selected: SelectedPairs;
  readonly selectedMass: SelectedMass | undefined;
}

/** Document by document and panel by panel: selects, and attends to what was selected. */
export function* attendSelected<I extends AttentionInputs, S>(
  where: string,
  variant: SelectingVariant<I, S>,
  job: SelectedJob<I>,
  mass: boolean | SampleOptions | undefined,
  /** What selecting needs of a document's keys. Default: it is made of them. */
  summary: (document: CallPart) => Steps<S | undefined> = (document) => summaryOf(variant, job, document),
): Steps<Attended> {
  const { shape, lse } = job;
  const { bias, mask } = job.scores;
  const pairTerms = bias !== undefined || mask !== undefined;
  const sampled = mass === undefined || mass === false ? undefined : sampledQueries(where, shape.queries, mass);
  const shares = new Float64Array(shape.batch * shape.heads * (sampled?.length ?? 0));
  let ran: AttentionResult | undefined;
  let [visible, visited] = [0, 0];
  for (const document of callParts(job, variant.documents)) {
    const known = yield* summary(document);
    for (const part of panelsOf(document, variant.panel)) {
      const call = partOf(job, part);
      const blocks = yield* select(variant, { ...call, part }, known);
      const schedule = scheduleOf(variant, blocks, call, pairTerms);
      const whole = part.batchEnd - part.batch === shape.batch && part.queryEnd - part.query === shape.queries;
      const rows = call.shape.batch * shape.heads * call.shape.queries;
      const needed = lse !== undefined || sampled !== undefined;
      const partLse = (whole ? lse : undefined) ?? (needed ? new Float32Array(rows) : undefined);
      const out = cut(job.out, part, part.query, part.queryEnd);
      const visibility = selectedVisibility(blocks, call.positions, job.visibility);
      ran = yield* attend({ ...call, visibility, out, outIsNew: job.outIsNew, lse: partLse, schedule });
      if (lse !== undefined && !whole) placeRows(lse, partLse!, shape, part);
      if (sampled !== undefined) yield* measureMass(job, part, partLse!, sampled, shares);
      if (known !== undefined && variant.finish !== undefined && !isEmpty(call.shape)) {
        yield* variant.finish({ ...call, part }, known, out);
      }
      visible += chosenPairs(blocks, call.shape, call.positions, variant.causal);
      visited += schedule.visitedPairs;
    }
  }
  return {
    ran: ran!,
    selected: { visiblePairs: visible, visitedPairs: visited },
    selectedMass: sampled && massOf(sampled, shares),
  };
}

/** What all queries select. */
export function* selectAll<I extends AttentionInputs, S>(
  variant: SelectingVariant<I, S>,
  job: ReferenceJob & { readonly inputs: I },
): Steps<SelectedPart[]> {
  const parts: SelectedPart[] = [];
  for (const document of callParts(job, variant.documents)) {
    const summary = yield* summaryOf(variant, job, document);
    for (const part of panelsOf(document, variant.panel)) {
      parts.push({ ...part, blocks: yield* select(variant, { ...partOf(job, part), part }, summary) });
    }
  }
  return parts;
}

export function scheduleOf<I extends AttentionInputs, S>(
  variant: SelectingVariant<I, S>,
  blocks: SelectedBlocks,
  { shape, positions }: Pick<ReferenceJob, "shape" | "positions">,
  pairTerms: boolean,
): AttentionJob["schedule"] {
  return variant.schedule === undefined
    ? selectedSchedule(blocks, shape, positions, variant.causal, pairTerms)
    : variant.schedule(blocks, shape, positions, pairTerms);
}

function* summaryOf<I extends AttentionInputs, S>(
  variant: SelectingVariant<I, S>,
  job: ReferenceJob & { readonly inputs: I },
  part: CallPart,
): Steps<S | undefined> {
  const call = partOf(job, part);
  return isEmpty(call.shape) ? undefined : yield* variant.summarise({ ...call, part });
}

function* select<I extends AttentionInputs, S>(
  variant: SelectingVariant<I, S>,
  call: SelectingCall<I>,
  summary: S | undefined,
): Steps<SelectedBlocks> {
  return summary === undefined || isEmpty(call.shape) ? nothing(call.shape) : yield* variant.select(call, summary);
}

function isEmpty({ batch, heads, queries, keys }: AttentionShape): boolean {
  return batch === 0 || heads === 0 || queries === 0 || keys === 0;
}

/** Queries without keys select none. */
export function nothing({ queries }: AttentionShape): SelectedBlocks {
  const list: BlockList = { starts: new Int32Array(queries + 1), keyBlocks: new Int32Array(0) };
  return { blockSize: 1, queryBlock: 1, listOf: () => list };
}

/** Copies [B, H, n] of a part into [B, H, N]. */
export function placeRows<A extends Float32Array | Float64Array>(
  all: A,
  rows: A,
  { heads, queries }: AttentionShape,
  { batch, query, queryEnd }: CallPart,
  width = 1,
): void {
  const count = (queryEnd - query) * width;
  for (let head = 0; head * count < rows.length; head++) {
    const at = ((batch * heads + head) * queries + query) * width;
    all.set(rows.subarray(head * count, (head + 1) * count), at);
  }
}
