import { searchPattern, type FoundPattern } from "@saccade/block-sparse";
import type { Runtime } from "@saccade/core";
import type { CandidateTokens } from "../catalogue/candidate.ts";

/** A pattern for every query head, found in the caller's queries and keys. */
export interface PerHeadPlan {
  /** [H], as `perHead` of @saccade/block-sparse takes them. */
  readonly patterns: readonly FoundPattern[];
  /** Keys that a query sees at most. */
  readonly budget: number;
  /** Mean share of dense attention's mass that they keep on sampled queries. */
  readonly keptMass: number;
  readonly install: string;
  /** `const attend = perHead(...)`. */
  readonly code: string;
}

/** For causal prompts of the caller's own length, or shorter ones. */
export async function perHeadPlan({ q, k }: CandidateTokens, runtime: Runtime): Promise<PerHeadPlan> {
  // An eighth of the keys, in whole blocks.
  const budget = Math.min(4096, Math.max(128, Math.ceil(q.length / 8 / 64) * 64));
  const patterns = await searchPattern(q, k, { budget, runtime });
  return {
    patterns,
    budget,
    keptMass: patterns.reduce((sum, { keptMass }) => sum + keptMass, 0) / patterns.length,
    install: "npm install @saccade/block-sparse @saccade/core",
    code:
      'import { perHead } from "@saccade/block-sparse";\n\n' +
      `const patterns = ${JSON.stringify(patterns)};\n` +
      "const attend = perHead(patterns);\n",
  };
}
