import type { VariantPerplexity } from "./perplexity.ts";

/** Variants as columns, ranges of context as rows. */
export function perplexityTable(variants: readonly VariantPerplexity[]): string {
  const ranges = variants[0]?.ranges ?? [];
  const head = ["context", "predictions", ...variants.map(({ variant }) => variant)];
  const rows = ranges.map(({ from, to, predictions }, i) => [
    `${from} to ${to}`,
    String(predictions),
    ...variants.map(({ ranges: own }) => figure(own[i]?.perplexity)),
  ]);
  const all = ["all", String(variants[0]?.predictions ?? 0), ...variants.map(({ perplexity }) => figure(perplexity))];
  const lines = [head, ...rows, all];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines.map((line) => line.map((cell, column) => cell.padStart(widths[column]!)).join("  ")).join("\n");
}

/** Four digits that count. */
function figure(perplexity: number | undefined): string {
  if (perplexity === undefined) return "";
  return perplexity < 1000
    ? perplexity.toPrecision(4)
    : perplexity < 1e6
      ? perplexity.toFixed(0)
      : perplexity.toExponential(2);
}
