import type { Choice, Recommendation } from "@saccade/advisor";
import { bytes, percent, seconds, tokens } from "./units.ts";

/** Choices that are listed; the rest is in the JSON. */
const SHOWN = 12;

/** A recommendation for people who read terminals. */
export function recommendationText(answer: Recommendation, withCode: boolean): string {
  const { choices, nearest, perHead } = answer;
  const top = choices[0] ?? nearest;
  const parts = [
    heading(answer),
    choices.length > 0 ? choiceTable(choices) : nothingMeets(answer),
    choices.length > SHOWN ? `${choices.length - SHOWN} more; --json has all` : "",
    accuracyText(choices.slice(0, 3)),
    rejectedText(answer),
    modelText(answer),
    perHead === undefined
      ? ""
      : `A pattern for every head, of ${perHead.budget} keys at most, keeps ${percent(perHead.keptMass)} of the mass; --json has its code.`,
    withCode && top !== undefined ? `${top.id}:\n\n  ${top.install}\n\n${indented(top.code)}` : "",
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function heading({ request, machine }: Recommendation): string {
  const { phase, seqLen, batch, heads, kvHeads, headDim, layers, task, pretrained } = request;
  const what = { prefill: "a prompt", decode: "steps", both: "a prompt and steps" }[phase];
  const sizes = `${batch} x ${heads} heads on ${kvHeads}, D ${headDim}, ${layers === 1 ? "1 layer" : `${layers} layers`}`;
  return (
    `${what} at ${tokens(seqLen)} tokens, ${sizes}; task ${task}, weights trained with ${pretrained}\n` +
    `times are predicted for ${machine.cpu}, ${machine.runtime} (${machine.instructionSet}), ${machine.threads} threads`
  );
}

function choiceTable(choices: readonly Choice[]): string {
  const time = (ms: number | undefined): string => (ms === undefined ? "-" : seconds(ms));
  const rows = choices
    .slice(0, SHOWN)
    .map(({ id, prefillMs, stepMs, memory, quality, accuracy }, i) => [
      String(i + 1),
      id,
      time(prefillMs),
      time(stepMs),
      bytes(memory.totalBytes),
      bytes(memory.cacheBytes),
      quality === undefined ? "unknown" : `${percent(quality)} ${accuracy[0]?.source ?? ""}`,
    ]);
  return table(["", "variant", "prompt", "step", "memory", "of it cache", "as good as dense"], rows);
}

function nothingMeets({ nearest }: Recommendation): string {
  if (nearest === undefined) return "nothing meets this, whatever it may cost: see the reasons below";
  return `nothing meets this. The nearest is ${nearest.id}: ${nearest.misses.join("; ")}\n\n${choiceTable([nearest])}`;
}

function accuracyText(choices: readonly Choice[]): string {
  return choices
    .map(({ id, accuracy }) => [id, ...accuracy.map(({ source, text }) => `  ${source}: ${text}`)].join("\n"))
    .join("\n");
}

/** Variants by what speaks against them. */
function rejectedText({ rejected }: Recommendation): string {
  if (rejected.length === 0) return "";
  const by = new Map<string, string[]>();
  for (const { id, reasons } of rejected) {
    const reason = reasons.join("; ");
    by.set(reason, [...(by.get(reason) ?? []), id]);
  }
  return ["not these:", ...[...by].map(([reason, ids]) => `  ${ids.join(", ")}: ${reason}`)].join("\n");
}

function modelText({ modelPlans }: Recommendation): string {
  if (modelPlans.length === 0) return "";
  const rows = modelPlans.map(({ name, about, layers, cacheBytes, cacheShare, prefillMs, stepMs }) => [
    name,
    layers.map(({ id, count }) => `${count} ${id}`).join(", "),
    seconds(prefillMs),
    seconds(stepMs),
    `${bytes(cacheBytes)} (${percent(cacheShare)})`,
    about,
  ]);
  return table(["layers", "which", "prompt", "step", "caches", ""], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, c) => Math.max(title.length, ...rows.map((row) => row[c]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, c) => cell.padEnd(widths[c]!))
      .join("  ")
      .trimEnd();
  return [head, ...rows].map(line).join("\n");
}

function indented(code: string): string {
  return code.trimEnd().replaceAll(/^(?=.)/gm, "  ");
}
