import type { Candidate } from "@saccade/advisor";
import type { Attention } from "@saccade/core";

/** Any attention over queries, keys and values as a candidate, as the catalogue would make it. */
export function attentionCandidate(id: string, attention: Attention, also: Partial<Candidate> = {}): Candidate {
  return {
    id,
    spec: { variant: id, options: {} },
    family: "dense",
    packageName: "@saccade/core",
    description: id,
    code: { imports: [], otherImports: {}, expression: id, inputs: {} },
    selection: attention.selection,
    causal: true,
    exact: false,
    needsTraining: false,
    gates: [],
    softmax: attention,
    noDecoder: undefined,
    refuses: () => undefined,
    plan(shape) {
      const { flops, bytesRead, workspaceBytes, visitedPairs, visiblePairs } = attention.plan(shape);
      return {
        flops,
        selectingFlops: 0,
        bytesRead,
        workspaceBytes,
        visitedPairs,
        visiblePairs,
        cacheBytes: 0,
        exact: true,
      };
    },
    forward: (tokens, options) => attention.forward(tokens, options),
    decoder: (options) => attention.decoder(options),
    ...also,
  };
}

/** The same with every row computed in one call, as recurrences need it. */
export function asWholeCalls(candidate: Candidate): Candidate {
  return { ...candidate, plan: (shape) => ({ ...candidate.plan(shape), visitedPairs: undefined }) };
}
