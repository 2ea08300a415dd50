import { cellColumns, keyColumns } from "../cell-columns.ts";
import type { Figure, TableData } from "../charts/figure.ts";
import { conclusionTables, type TitledTable } from "../conclusion-tables.ts";
import { accuracyFigures, costFigures, decodeFigures } from "../figures/over-length-figures.ts";
import { frontierFigures } from "../figures/frontier-figures.ts";
import { needleFigures } from "../figures/needle-figures.ts";
import { rooflineFigures } from "../figures/roofline-figures.ts";
import { type View, viewsOf } from "../figures/view.ts";
import { reasonText } from "../names.ts";
import { PICTURE_TOKENS, type VariantPicture } from "../pictures/variant-picture.ts";
import type { StudyJson } from "../results.ts";
import { settingsOf, VARIANT_HEAD, variantRows } from "../settings.ts";
import { summarize } from "../summary.ts";
import { html, type Markup, trusted } from "./markup.ts";
import { SCRIPT } from "./script.ts";
import { STYLE } from "./style.ts";

const WIDE = 1040;
const NARROW = 390;
const SMALL = 300;

interface Section {
  readonly id: string;
  readonly title: string;
  readonly content: Markup;
}

/**
 * A study as one page that needs nothing else: no network, no files.
 *
 * @param pictures Of variants, by id.
 */
export function renderPage(results: StudyJson, pictures: ReadonlyMap<string, VariantPicture>): string {
  const views = viewsOf(results, results.conclusions);
  const sections = [
    charts("cost", "Time and memory of a prefill", views.flatMap(costFigures)),
    charts("decoding", "Decoding", views.flatMap(decodeFigures)),
    charts("accuracy", "Accuracy", views.flatMap(accuracyFigures)),
    needles(views),
    charts("frontier", "Accuracy against memory", views.flatMap(frontierFigures)),
    charts("roofline", "How near to the machine's limits", views.flatMap(rooflineFigures)),
    conclusions(conclusionTables(results)),
    variants(results, pictures),
    cells(results),
    settings(results),
  ].filter((section) => section !== undefined);
  const { study } = results;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
        />
        <meta name="color-scheme" content="light dark" />
        <title>${study.name}: attention over sequence length</title>
        <style>
          ${trusted(STYLE)}
        </style>
      </head>
      <body>
        <header>
          <h1>${study.name}</h1>
          <p class="facts">
            ${results.machines.map((machine) => `${machine.cpu}, ${machine.date.slice(0, 10)}`).join("; ")}
          </p>
        </header>
        <nav aria-label="Sections">
          <ul>
            ${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}
          </ul>
        </nav>
        <main>
          <section id="summary" aria-label="Summary">
            <ul class="summary">
              ${summarize(results).map((sentence) => html`<li>${sentence}</li>`)}
            </ul>
          </section>
          ${sections.map(
            ({ id, title, content }) =>
              html`<section id="${id}" aria-labelledby="${id}-title">
                <h2 id="${id}-title">${title}</h2>
                ${content}
              </section> `,
          )}
        </main>
        <footer>Written by <code>saccade report</code> from <code>cells.jsonl</code>. The page loads nothing.</footer>
        <script>
          ${trusted(SCRIPT)};
        </script>
      </body>
    </html> `;
  return page.text;
}

function charts(id: string, title: string, figures: readonly Figure[]): Section | undefined {
  if (figures.length === 0) return undefined;
  return { id, title, content: html`${figures.map((each) => figure(each))}` };
}

function figure({ id, title, caption, draw, table, legend, legendAlways }: Figure): Markup {
  return html`<figure id="figure-${id}" class="chart${legendAlways ? " always" : ""}">
    <h3>${title}</h3>
    <div class="wide">${trusted(draw(WIDE))}</div>
    <div class="narrow">${trusted(draw(NARROW))}</div>
    <ul class="legend">
      ${legend.map((entry) => html`<li>${trusted(entry.key)}${entry.name}</li>`)}
    </ul>
    <figcaption class="caption">${caption}</figcaption>
    <details>
      <summary>Numbers of this chart</summary>
      ${plainTable(table, title)}
    </details>
  </figure> `;
}

function needles(views: readonly View[]): Section | undefined {
  const figures = views.flatMap(needleFigures);
  if (figures.length === 0) return undefined;
  return {
    id: "needles",
    title: "Needles",
    content: html`<p class="caption">
        Percent of the needles that were found, by where the needle is (0% is the beginning of the context) and by
        length. A dash was not measured.
      </p>
      <div class="many">
        ${figures.map(
          ({ id, title, draw, table }) =>
            html`<figure id="figure-${id}" class="chart">
              <h3>${title}</h3>
              ${trusted(draw(SMALL))}
              <details>
                <summary>Numbers</summary>
                ${plainTable(table, title)}
              </details>
            </figure> `,
        )}
      </div>`,
  };
}

function conclusions(tables: readonly TitledTable[]): Section {
  return {
    id: "conclusions",
    title: "What follows from it",
    content: html`${tables.map(
      (table) =>
        html`<h3 id="${table.id}">${table.title}</h3>
          <p class="caption">${table.caption}</p>
          ${table.rows.length > 0 ? plainTable(table, table.title) : html`<p>None.</p>`}
          ${
            table.more
              ? html`<details>
                  <summary>${table.more.title}</summary>
                  ${plainTable(table.more, table.more.title)}
                </details>`
              : undefined
          } `,
    )}`,
  };
}

function variants(results: StudyJson, pictures: ReadonlyMap<string, VariantPicture>): Section {
  return {
    id: "variants",
    title: "The variants",
    content: html`<div class="prose">${plainTable({ head: VARIANT_HEAD, rows: variantRows(results) }, "Variants")}</div>
      <p class="caption">
        What queries look at, ${PICTURE_TOKENS} tokens: rows are queries, columns are keys, both from the first at the
        top left. Darker squares are seen by more of their queries, or, where nothing says which keys are seen, weigh
        more in their outputs.
      </p>
      <div class="pictures">
        ${results.study.grid.variants.map((id) => {
          const picture = pictures.get(id);
          const training = results.study.variants[id]?.needsTraining
            ? html` <span class="training">needs training</span>`
            : undefined;
          return html`<figure class="picture">
            <h3>${id}${training}</h3>
            ${picture ? trusted(picture.svg) : undefined}
            <figcaption class="caption">
              ${picture ? picture.caption : "There is no picture of it: it is not in this version's catalogue."}
            </figcaption>
          </figure> `;
        })}
      </div>`,
  };
}

function cells(results: StudyJson): Section {
  const keys = keyColumns(results);
  const columns = cellColumns(results.cells);
  const head = [...keys, ...columns].map(
    ({ title, kind }) =>
      html`<th scope="col" class="${kind}" aria-sort="none"><button type="button">${title}</button></th>`,
  );
  const rows = results.cells.map((cell) => {
    const names = keys.map(
      (key) =>
        html`<td class="${key.kind === "number" ? "number" : "name"}" ${valueAttribute(key.value?.(cell), key.kind)}>
          ${key.text(cell)}
        </td>`,
    );
    const numbers =
      cell.status === "measured"
        ? columns.map(
            (column) =>
              html`<td class="${column.kind}" ${valueAttribute(column.value?.(cell), column.kind)}>
                ${column.text(cell)}
              </td>`,
          )
        : [html`<td class="reason" colspan="${Math.max(1, columns.length)}">${reasonText(cell)}</td>`];
    return html`<tr>
      ${names}${numbers}
    </tr> `;
  });
  return {
    id: "cells",
    title: "All cells",
    content: html`<div class="cells">
      <p class="caption hint">Press the head of a column to sort by it.</p>
      <p class="caption" role="status"></p>
      <div class="scroll" tabindex="0" role="region" aria-label="All cells">
        <table class="sortable">
          <thead>
            <tr>
              ${head}
            </tr>
          </thead>
          <tbody>
            ${rows}
          </tbody>
        </table>
      </div>
      <p class="caption">${columns.map(({ title, meaning }) => html`<b>${title}</b>: ${meaning}. `)}</p>
    </div>`,
  };
}

function valueAttribute(value: number | undefined, kind: "text" | "number"): Markup | undefined {
  return kind === "number" ? html` data-value="${value === undefined ? "" : value}"` : undefined;
}

function settings(results: StudyJson): Section {
  return {
    id: "settings",
    title: "To repeat it",
    content: html`${settingsOf(results).map(
      ({ title, rows }) =>
        html`<h3>${title}</h3>
          <table class="settings">
            <tbody>
              ${rows.map(
                ([name, value]) =>
                  html`<tr>
                    <th scope="row">${name}</th>
                    <td>${name === "command" || name === "settings" ? html`<code>${value}</code>` : value}</td>
                  </tr>`,
              )}
            </tbody>
          </table> `,
    )}`,
  };
}

/** In a frame of its own, which scrolls where the page is narrower. */
function plainTable({ head, rows }: TableData, name: string): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${name}">
    <table>
      <thead>
        <tr>
          ${head.map((title) => html`<th scope="col">${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([first, ...others]) =>
            html`<tr>
              <th scope="row">${breakable(first ?? "")}</th>
              ${others.map((text) => html`<td>${text}</td>`)}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;
}

/** Names of variants may break where their options begin. */
function breakable(name: string): Markup {
  const [first, ...others] = name.split(":");
  return html`${first}${others.map((part) => html`:<wbr />${part}`)}`;
}
