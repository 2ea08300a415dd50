import type { AttentionInputs, Tensor } from "@saccade/core";
import type { AttentionShape } from "@saccade/core/variants";
import { shown } from "./checks.ts";

/** Branches that may have keys and values of their own. */
export type OwnBranch = "compressed" | "window";

/** What native sparse attention reads: `k` and `v` are what is selected from, and what the other branches read unless they have their own. */
export interface NativeSparseInputs extends Omit<AttentionInputs, "bias" | "mask"> {
  /** Weights of the compressed, selected and window branch, [B, H, N, 3] or [B, N, H, 3]: what a sigmoid gave. */
  readonly gates: Tensor;
  /** [B, G, M, D], for `own: ["compressed"]`. */
  readonly compressedKeys?: Tensor | undefined;
  /** [B, G, M, E] */
  readonly compressedValues?: Tensor | undefined;
  /** [B, G, M, D], for `own: ["window"]`. */
  readonly windowKeys?: Tensor | undefined;
  /** [B, G, M, E] */
  readonly windowValues?: Tensor | undefined;
}

/** @throws TypeError or RangeError when gates, or the branches' own keys and values, do not fit the call. */
export function checkNativeInputs(
  where: string,
  inputs: NativeSparseInputs,
  { batch, heads, kvHeads, queries, keys, headDim, valueDim }: AttentionShape,
  own: readonly OwnBranch[],
): void {
  for (const term of ["bias", "mask"] as const) {
    if ((inputs as AttentionInputs)[term] === undefined) continue;
    throw new TypeError(`${where}: a ${term} does not go with compressed keys`);
  }
  checkSizes(where, "gates", inputs.gates, [batch, heads, queries, 3]);
  for (const branch of ["compressed", "window"] as const) {
    for (const [name, width] of [
      [`${branch}Keys`, headDim],
      [`${branch}Values`, valueDim],
    ] as const) {
      const view = inputs[name];
      if (own.includes(branch)) checkSizes(where, name, view, [batch, kvHeads, keys, width]);
      else if (view !== undefined) throw new TypeError(`${where}: ${name} given, expected own to name "${branch}"`);
    }
  }
}

function checkSizes(where: string, name: string, view: Tensor | undefined, want: readonly number[]): void {
  if (view?.strides === undefined) throw new TypeError(`${where}: ${name} is ${shown(view)}, expected a tensor`);
  const sizes = [view.batch, view.heads, view.length, view.width];
  if (sizes.every((size, axis) => size === want[axis])) return;
  throw new RangeError(`${where}: ${name} is [${sizes.join(", ")}], expected [${want.join(", ")}]`);
}
