import type { InspectedText } from "./inspected-text.ts";
import type { HeadInspection } from "./inspection.ts";
import { weightText } from "./markup.ts";
import { referenceText } from "./reference-text.ts";
import { shadeText, type Shading } from "./shade.ts";

/** What was found, for a terminal. */
export function inspectionText(
  text: InspectedText,
  query: number,
  heads: readonly HeadInspection[],
  shading: Shading,
  files: readonly string[],
): string {
  const lines = [`What "${text.tokens[query]!.trim()}" looks at. ${text.description}.`];
  for (const { layer, head, name, sightings, comparison } of heads) {
    lines.push("", `layer ${layer}, head ${head}${name === String(head) ? "" : `, ${name}`}`);
    const width = Math.max(...sightings.map(({ attention }) => attention.length));
    for (const { attention, weights } of sightings) {
      lines.push(`  ${attention.padEnd(width)}  ${shadeText(text, weights, query, shading)}`);
    }
    for (const { attention, top } of sightings) {
      const keys = top.map((key) => `${key.token!.trim()} #${key.position} ${weightText(key.weight)}`).join(", ");
      lines.push(`  ${attention.padEnd(width)}  most: ${keys === "" ? "nothing" : keys}`);
    }
    if (comparison !== undefined) {
      lines.push(`  ${referenceText(comparison, text.tokens, sightings.at(-1)!.attention)}`);
    }
  }
  if (files.length > 0) lines.push("", ...files);
  return lines.join("\n");
}
