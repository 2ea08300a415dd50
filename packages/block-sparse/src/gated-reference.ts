import type { SelectedPart, Tensor } from "@saccade/core";
import { callParts, checkCall, cut, partOf, UNBOUNDED, type SelectingCall } from "@saccade/core/variants";
import { windowBranch } from "./branch-attention.ts";
import { exactCompressed } from "./exact-native-sparse.ts";
import { row } from "./exact-rows.ts";
import type { GatedParts } from "./gated-attention.ts";
import type { NativeSparseInputs } from "./native-sparse-inputs.ts";

/** The gated sum of the three branches in float64, by their definitions. */
export function gatedReference(
  parts: GatedParts,
  inputs: NativeSparseInputs,
  selection: readonly SelectedPart[] | undefined,
): { readonly out: Float64Array } {
  const { selecting, scale, documents } = parts;
  const out = selecting.reference(inputs, { selection }).out;
  const visibility = { reach: UNBOUNDED, mask: undefined };
  const terms = { visibility, scale, softcap: 0, learnedSinks: undefined };
  const call = checkCall(`${selecting.name}.reference`, terms, inputs, false);
  for (const part of callParts(call, documents)) addBranches(parts, { ...partOf(call, part), part, inputs }, out);
  return { out };
}

/** Selected rows become gated sums. */
function addBranches(parts: GatedParts, call: SelectingCall<NativeSparseInputs>, out: Float64Array): void {
  const { shape, q, k, v, positions, inputs, part } = call;
  const { batch, heads, queries, valueDim } = shape;
  const own = (view: Tensor | undefined): Tensor | undefined => view && cut(view, part, part.key, part.keyEnd);
  const window = windowBranch(parts).reference({
    q,
    k: own(inputs.windowKeys) ?? k,
    v: own(inputs.windowValues) ?? v,
    queryOffset: positions.queryOffset,
    keyLengths: positions.keyLength,
  }).out;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const compressed = exactCompressed(call, parts.compression, b, h).rows;
      for (let i = 0; i < queries; i++) {
        const [g0, g1, g2] = row(inputs.gates, part.batch + b, h, part.query + i);
        const at = (((part.batch + b) * heads + h) * inputs.q.length + part.query + i) * valueDim;
        const windowAt = ((b * heads + h) * queries + i) * valueDim;
        for (let e = 0; e < valueDim; e++) {
          out[at + e] = g0! * compressed[i]![e]! + g1! * out[at + e]! + g2! * window[windowAt + e]!;
        }
      }
    }
  }
}
