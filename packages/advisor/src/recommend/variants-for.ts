import { candidate } from "../catalogue/candidate-of.ts";
import type { Candidate } from "../catalogue/candidate.ts";
import type { EvidenceCell } from "./evidence.ts";
import type { WholeRequest } from "./request.ts";

const CAUSAL_IDS = [
  "dense",
  ...["window:256:sinks=4", "window:1024:sinks=4", "window:4096:sinks=4"],
  ...["chunk:1024", "chunk:8192", "segment-recurrence:1024:memory=1024", "dilated-segments:2048"],
  ...["big-bird:64", "longformer:512", "strided:128", "fixed:128", "a-shape:1024"],
  ...["top-k-blocks:64", "top-k-blocks:64:k=64", "page-select:2048", "cumulative:0.95", "vertical-slash:1000"],
  ...["native-sparse", "index-top-k:2048", "compressive-memory:2048"],
  ...["linear:elu", "favor-plus", "hedgehog", "lolcats:64", "retention", "lightning", "gated", "scalar-gated"],
  ...["state-space", "delta-net", "gated-delta-net", "kimi-delta", "rwkv7", "log-linear"],
] as const;

const TWO_SIDED_IDS = [
  "dense:causal=no",
  "window:256:causal=no",
  "window:1024:causal=no",
  "longformer:512:causal=no",
  "linear:elu:causal=no",
  "retention:causal=no",
] as const;

/** Bounds and parts, which nobody would run for their speed. */
const FOR_STUDIES = new Set(["oracle-blocks", "dual-chunk"]);

/** What is chosen among: settings that suit most lengths, and what evidence there is about. */
export function variantsFor(
  { causal }: WholeRequest,
  asked: readonly string[] | undefined,
  evidence: readonly EvidenceCell[],
): readonly Candidate[] {
  if (asked !== undefined) return distinct(asked);
  if (!causal) return distinct(TWO_SIDED_IDS);
  const studied = evidence.map(({ variant }) => variant);
  return distinct([...CAUSAL_IDS, ...studied]).filter(({ spec }) => !FOR_STUDIES.has(spec.variant));
}

function distinct(ids: readonly string[]): readonly Candidate[] {
  const known = new Map<string, Candidate>();
  for (const each of ids.map((id) => candidate(id))) known.set(each.id, each);
  return [...known.values()];
}
