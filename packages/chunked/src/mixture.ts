import type {
  Attention,
  AttentionInputs,
  Decoder,
  DecoderOptions,
  ForwardOptions,
  Plan,
  PlanShape,
  ReferenceResult,
  ResultFor,
  SyncForwardOptions,
  Tensor,
} from "@saccade/core";
import { checkCall } from "./check-call.ts";
import { mix, mixSync } from "./mix-branches.ts";
import { MixtureDecoder } from "./mixture-decoder.ts";
import { finished, mixOptions, type BranchResult } from "./mixture-result.ts";

/** An attention of branches that are weighted by the denominators of their softmax; keys that several see count in each. */
export function mixture(
  name: string,
  branches: readonly Attention[],
  learnedSinks: Float32Array | undefined,
): Attention {
  return {
    name,
    selection: "static",
    async forward<const O extends ForwardOptions>(inputs: AttentionInputs, options?: O): Promise<ResultFor<O>> {
      const where = `${name}.forward`;
      checkCall(where, inputs.q, inputs.v, learnedSinks, options?.out);
      const results: BranchResult[] = [];
      for (const branch of branches) {
        results.push(await branch.forward(inputs, { ...options, partial: true, out: undefined }));
      }
      return finished(await mix(results, mixOptions(learnedSinks, options)), results, options);
    },
    forwardSync<const O extends SyncForwardOptions>(inputs: AttentionInputs, options?: O): ResultFor<O> {
      const where = `${name}.forwardSync`;
      checkCall(where, inputs.q, inputs.v, learnedSinks, options?.out);
      const results = branches.map((branch) =>
        branch.forwardSync(inputs, { ...options, partial: true, out: undefined }),
      );
      return finished(mixSync(results, mixOptions(learnedSinks, options)), results, options);
    },
    plan: (shape: PlanShape) => planOf(branches, shape),
    reference(inputs: AttentionInputs, options?: { readonly partial?: boolean }): ReferenceResult {
      checkCall(`${name}.reference`, inputs.q, inputs.v, learnedSinks, undefined);
      const sinks = options?.partial === true ? undefined : learnedSinks;
      return mixedReference(
        branches.map((branch) => branch.reference(inputs, { partial: true })),
        inputs.q,
        sinks,
      );
    },
    decoder: (options: DecoderOptions): Decoder => new MixtureDecoder(name, branches, learnedSinks, options),
  };
}

function mixedReference(
  branches: readonly ReferenceResult[],
  { heads, length }: Tensor,
  learnedSinks: Float32Array | undefined,
): ReferenceResult {
  const first = branches[0]!;
  const out = new Float64Array(first.out.length);
  const lse = new Float64Array(first.lse.length);
  const width = lse.length === 0 ? 0 : out.length / lse.length;
  for (let row = 0; row < lse.length; row++) {
    const sink = learnedSinks?.[Math.floor(row / length) % heads] ?? -Infinity;
    const top = branches.reduce((most, branch) => Math.max(most, branch.lse[row]!), sink);
    lse[row] = top;
    if (top === -Infinity) continue;
    const sum = branches.reduce((z, branch) => z + Math.exp(branch.lse[row]! - top), Math.exp(sink - top));
    lse[row] = top + Math.log(sum);
    for (const branch of branches) {
      const weight = Math.exp(branch.lse[row]! - lse[row]!);
      for (let at = row * width; at < (row + 1) * width; at++) out[at]! += weight * branch.out[at]!;
    }
  }
  return { out, lse };
}

function planOf(branches: readonly Attention[], shape: PlanShape): Plan {
  const plans = branches.map((branch) => branch.plan(shape));
  const total = (of: (plan: Plan) => number): number => plans.reduce((sum, plan) => sum + of(plan), 0);
  const { batch = 1, heads, queries, headDim, valueDim = headDim } = shape;
  // Every branch has an output and its lse until they are mixed.
  const results = 4 * branches.length * batch * heads * queries * (valueDim + 1);
  return {
    get flops() {
      return total((plan) => plan.flops);
    },
    bytesRead: total((plan) => plan.bytesRead),
    workspaceBytes: Math.max(...plans.map((plan) => plan.workspaceBytes)) + results,
    cacheBytes: total((plan) => plan.cacheBytes),
    get visiblePairs() {
      return total((plan) => plan.visiblePairs);
    },
    visitedPairs: total((plan) => plan.visitedPairs),
    density: total((plan) => plan.density),
    exact: plans.every((plan) => plan.exact),
  };
}
