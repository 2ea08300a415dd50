import type { Candidate } from "../catalogue/candidate.ts";
import type { MeasuredAccuracy } from "./measure-accuracy.ts";
import { percent } from "./accuracy.ts";
import { shapeOf, type WholeRequest } from "./request.ts";

/** Why a variant is out of the question whatever it costs. */
export function reasonsAgainst(candidate: Candidate, request: WholeRequest): readonly string[] {
  const { phase, causal, pretrained } = request;
  const reasons: string[] = [];
  const refusal = candidate.refuses(shapeOf(request));
  if (refusal !== undefined) reasons.push(refusal);
  if (causal !== candidate.causal)
    reasons.push(causal ? "its queries see later keys" : "its queries see no later keys");
  const recurrence = candidate.family === "linear" || candidate.spec.variant === "compressive-memory";
  if (pretrained === "linear" && !recurrence)
    reasons.push("your weights were trained with linear attention, this is softmax");
  if ((pretrained === "softmax" || pretrained === "window") && candidate.needsTraining) {
    const got = pretrained === "softmax" ? "softmax attention" : "windows";
    reasons.push(`weights must be trained with it, yours were trained with ${got}`);
  }
  if (phase !== "prefill" && candidate.noDecoder !== undefined)
    reasons.push(`it has no decoder: ${candidate.noDecoder}`);
  if (phase === "prefill" && candidate.selection === "decode-only") {
    reasons.push("it is made for steps: over a prompt it selects for every query");
  }
  return reasons;
}

/** Why what was measured is not enough. */
export function recallReason(
  measured: MeasuredAccuracy | undefined,
  { minMassRecall }: WholeRequest,
): string | undefined {
  if (minMassRecall === undefined) return undefined;
  const recall = measured?.massRecall;
  if (recall === undefined) return "its mass recall cannot be measured: it is no softmax over some of the keys";
  if (recall >= minMassRecall) return undefined;
  return `keeps ${percent(recall)} of dense attention's mass on your queries and keys, ${percent(minMassRecall)} is asked for`;
}

/** What is over a limit, with how many times as much it takes. */
export interface Miss {
  readonly text: string;
  readonly times: number;
}

/** Limits that predictions exceed. */
export function misses(
  memoryBytes: number,
  ms: number,
  { memoryBytes: mostBytes, latencyMs, phase, layers }: WholeRequest,
): readonly Miss[] {
  const found: Miss[] = [];
  if (mostBytes !== undefined && memoryBytes > mostBytes) {
    const text = `takes ${megabytes(memoryBytes)}, ${megabytes(mostBytes)} are allowed`;
    found.push({ text, times: memoryBytes / mostBytes });
  }
  if (latencyMs !== undefined && ms > latencyMs) {
    const what = phase === "prefill" ? "the prompt" : "a step";
    const all = layers === 1 ? "" : ` through ${layers} layers`;
    found.push({
      text: `${what}${all} takes ${three(ms)} ms, ${three(latencyMs)} ms are allowed`,
      times: ms / latencyMs,
    });
  }
  return found;
}

function megabytes(bytes: number): string {
  return bytes >= 1e9 ? `${three(bytes / 1e9)} GB` : `${three(bytes / 1e6)} MB`;
}

function three(x: number): string {
  return x >= 1000 ? x.toFixed(0) : String(Number(x.toPrecision(3)));
}
