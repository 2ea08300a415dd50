import { PALETTE } from "../appearance.ts";

const series = (theme: "light" | "dark"): string =>
  PALETTE.map((color, at) => `--series-${at}: ${color[theme]};`).join(" ");

const LIGHT = `--page: #ffffff; --text: #1d1d1f; --muted: #6a6a70; --line: #dcdce0; --soft: #f4f4f6; --accent: #0058b0; --plot-background: #ffffff; ${series("light")}`;
const DARK = `--page: #16171a; --text: #e8e8ea; --muted: #9c9ca4; --line: #3a3b42; --soft: #202126; --accent: #7ab8ff; --plot-background: #16171a; ${series("dark")}`;

/** The style sheet of a report. */
export const STYLE: string = `
:root { color-scheme: light; ${LIGHT} }
@media screen and (prefers-color-scheme: dark) { :root { color-scheme: dark; ${DARK} } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main, header, nav, footer { max-width: 1080px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 28px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 44px 0 8px; padding-top: 8px; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 28px 0 4px; overflow-wrap: anywhere; }
p { margin: 6px 0 10px; }
.facts, .caption { color: var(--muted); font-size: 0.875rem; }
a { color: var(--accent); }
nav ul { display: flex; flex-wrap: wrap; gap: 2px 16px; list-style: none; margin: 12px 0 0; padding: 0; font-size: 0.9rem; }
.summary { padding-left: 22px; }
.summary li { margin: 5px 0; }
code { font: 0.9em ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
figure { margin: 0 0 26px; }
figure h3 { margin-top: 18px; }
svg { display: block; max-width: 100%; height: auto; }
svg.plot { background: none; font-family: inherit; }
.wide { display: block; } .narrow { display: none; }
.legend { display: none; flex-wrap: wrap; gap: 4px 14px; margin: 6px 0; padding: 0; list-style: none; font-size: 0.8125rem; }
.legend li { display: flex; align-items: center; gap: 6px; overflow-wrap: anywhere; }
.legend svg { flex: none; }
.always .legend { display: flex; }
@media (max-width: 700px) {
  body { font-size: 15px; }
  main, header, nav, footer { padding-left: 12px; padding-right: 12px; }
  .wide { display: none; } .narrow { display: block; } .legend { display: flex; }
  .scroll tbody th { position: sticky; left: 0; min-width: 8em; max-width: 9em; background: var(--page); white-space: normal; overflow-wrap: anywhere; }
  .scroll td { min-width: 6.5em; }
  .prose td { min-width: 11em; }
  .cells .scroll td { min-width: 0; }
}
.many { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: 4px 28px; }
.many figure { margin-bottom: 10px; min-width: 0; }
.many h3 { font-size: 0.9rem; margin-top: 12px; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 190px), 1fr)); gap: 4px 24px; }
.pictures figure { min-width: 0; }
.pictures h3 { font-size: 0.9rem; margin-top: 12px; }
.pictures svg { width: 100%; max-width: 220px; }
details { margin: 6px 0; }
summary { cursor: pointer; color: var(--muted); font-size: 0.875rem; }
.scroll { overflow-x: auto; max-width: 100%; }
.scroll:focus-visible, th button:focus-visible, summary:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
table { border-collapse: collapse; font-size: 0.8125rem; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.name, tbody th { white-space: nowrap; font-weight: 600; }
thead th { background: var(--soft); vertical-align: bottom; }
.cells thead th { position: sticky; top: 0; z-index: 1; }
.cells tbody td:nth-child(2) { position: sticky; left: 0; background: var(--page); }
.cells .scroll { max-height: 80vh; overflow: auto; }
td.reason { color: var(--muted); }
th button { all: unset; cursor: pointer; font-weight: 600; white-space: nowrap; }
th[aria-sort] button::after { content: " \\2195"; color: var(--muted); }
th[aria-sort="ascending"] button::after { content: " \\2191"; color: var(--text); }
th[aria-sort="descending"] button::after { content: " \\2193"; color: var(--text); }
table.settings th { font-weight: 500; color: var(--muted); width: 11em; white-space: normal; }
table.settings td { overflow-wrap: anywhere; }
.training { color: var(--muted); font-size: 0.75rem; font-weight: 400; }
#tip { position: absolute; z-index: 2; pointer-events: none; max-width: 320px; padding: 5px 9px; border: 1px solid var(--line); border-radius: 5px; background: var(--page); color: var(--text); font-size: 0.8125rem; white-space: pre-line; box-shadow: 0 2px 10px #0003; }
#tip[hidden] { display: none; }
footer { margin-top: 48px; padding-bottom: 32px; color: var(--muted); font-size: 0.8125rem; }
@page { margin: 12mm; }
@page wide { size: landscape; margin: 10mm; }
@media print {
  table { font-size: 7.5pt; } th, td { padding: 2px 5px; }
  .cells { page: wide; }
  .cells table { font-size: 6.5pt; } .cells th, .cells td { padding: 1px 4px; }
  body { font-size: 11pt; }
  main, header, footer { max-width: none; padding: 0; }
  nav, #tip, figure details, .hint { display: none; }
  .wide { display: block; } .narrow { display: none; }
  h2, h3 { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  .scroll, .cells .scroll { overflow: visible; max-height: none; }
  .cells thead th, .cells tbody td:nth-child(2) { position: static; }
  th[aria-sort] button::after { content: ""; }
}
`;
