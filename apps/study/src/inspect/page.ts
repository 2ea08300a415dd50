import { drawHeatMap, titleOf, type HeatMapLabels } from "./heat-map.ts";
import type { InspectedText } from "./inspected-text.ts";
import type { HeadInspection, Sighting } from "./inspection.ts";
import { escaped, weightText } from "./markup.ts";
import { referenceText } from "./reference-text.ts";
import { excerptAround } from "./words.ts";

/** Tokens of a text that are shown, at most. */
const MOST = 1000;

/** One head as a page of its own: the text shaded, the keys that count most, the picture. It loads nothing. */
export function drawPage(inspection: HeadInspection, text: InspectedText, labels: HeatMapLabels): string {
  const { comparison, sightings } = inspection;
  const variant = sightings.at(-1)!;
  const title = titleOf(inspection, variant);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<p>What &#8220;${escaped(labels.tokens[labels.query]!)}&#8221; looks at. ${escaped(text.description)}.</p>
${comparison === undefined ? "" : `<p class="verdict">${escaped(referenceText(comparison, text.tokens, variant.attention))}</p>`}
${sightings.map((sighting) => section(inspection, sighting, text, labels)).join("\n")}
<p class="note">Weights say what was read, not why: they are not explanations (Jain and Wallace 2019; Wiegreffe and Pinter 2019).</p>
</main>
</body>
</html>
`;
}

function section(
  inspection: HeadInspection,
  sighting: Sighting,
  { tokens, gaps }: InspectedText,
  labels: HeatMapLabels,
): string {
  const { attention, weights, top } = sighting;
  const { from, to } = excerptAround(tokens.length, labels.query, MOST);
  const words = tokens.slice(from, to).map((token, at) => {
    const n = from + at;
    const weight = weights[n]!;
    const classes = [
      weight === 0 ? "unseen" : "",
      weight >= 0.36 ? "deep" : "",
      n === labels.query ? "query" : "",
      n === labels.expected ? "expected" : "",
    ].filter((name) => name !== "");
    const named = classes.length === 0 ? "" : ` class="${classes.join(" ")}"`;
    const shade = Math.sqrt(Math.min(1, Math.abs(weight))).toFixed(3);
    const hint = `${weightText(weight)}${weight === 0 ? ", not seen" : ""}`;
    return `${escaped(gaps[n] ?? "")}<span${named} style="--w:${shade}" title="${hint}">${escaped(token)}</span>`;
  });
  const lines = top.map(
    ({ position, token, weight }) =>
      `<tr><td>${escaped(token ?? "")}</td><td>${position}</td><td>${labels.query - position}</td><td>${weightText(weight)}</td></tr>`,
  );
  return `<h2>${escaped(attention)}</h2>
<p class="text">${from > 0 ? "\u2026 " : ""}${words.join("")}${to < tokens.length ? " \u2026" : ""}</p>
<table><caption>Keys that count most</caption>
<thead><tr><th scope="col">token</th><th scope="col">position</th><th scope="col">back</th><th scope="col">weight</th></tr></thead>
<tbody>${lines.join("")}</tbody></table>
<div class="map" tabindex="0" role="group" aria-label="Heat map of ${escaped(attention)}, scrolls sideways">
${drawHeatMap(inspection, sighting, labels)}</div>`;
}

const STYLE = [
  ":root{--ink:#1f2328;--paper:#fff;--soft:#59636e;--shade:180 69 31;--line:#d1d9e0;--mark:#0550ae;--deep:#fff}",
  "@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--soft:#9198a1;--shade:255 166 87;--line:#3d444d;--mark:#79c0ff;--deep:#1c0f02}}",
  "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}",
  "main{max-width:72rem;margin:0 auto;padding:1.5rem}",
  "h1{font-size:1.35rem}h2{font-size:1.05rem;margin-top:2rem}",
  ".text{font-size:1.25rem;line-height:2;white-space:pre-wrap}",
  ".text span{background:rgb(var(--shade)/var(--w));border-radius:.2em;padding:.1em .15em}",
  ".text .deep{color:var(--deep)}.text .unseen{color:var(--soft)}",
  ".text .query{outline:2px solid var(--soft)}.text .expected{outline:2px solid var(--mark)}",
  ".verdict{border-left:3px solid var(--mark);padding-left:.75rem}",
  ".note{color:var(--soft)}",
  "table{border-collapse:collapse}caption{text-align:left;color:var(--soft)}",
  "th,td{text-align:left;padding:.15rem 1.25rem .15rem 0;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}",
  ".map{overflow-x:auto;margin-top:1rem}",
].join("\n");
