/**
 * The page that a study writes, in a real browser: nothing fails, nothing is wider than the page, every chart is seen, tables are sorted, boxes
 * are shown. The page may load nothing, so what was found goes into the document, which the browser prints.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeReport } from "@saccade/study";
import { studyFixture } from "../../apps/study/test/study-fixture.ts";

interface Findings {
  readonly errors: readonly string[];
  readonly charts: number;
  /** Of those that are shown, which have no size, or reach beyond the page. */
  readonly badCharts: readonly string[];
  readonly overflow: number;
  readonly tip: string;
  readonly sorted: boolean;
  readonly lastHasNone: boolean;
}

/** Before the page's own script. */
const WATCH = `<script>
window.errors = [];
addEventListener("error", (event) => errors.push(event.message || "something did not load"), true);
document.addEventListener("securitypolicyviolation", (event) => errors.push("not allowed: " + event.violatedDirective));
</script>`;

/** After it. */
const PROBE = `<script>
const shown = [...document.querySelectorAll("figure.chart svg[role=img], figure.picture svg")].filter((svg) => svg.checkVisibility());
const heads = [...document.querySelectorAll("table.sortable th")];
const time = heads.findIndex((head) => head.textContent.trim() === "time");
heads[time].querySelector("button").click();
const cells = [...document.querySelectorAll("table.sortable tbody tr")].map((row) => row.children[time]);
const values = cells.filter((cell) => !cell.hasAttribute("colspan")).map((cell) => Number(cell.dataset.value));
const mark = shown[0].querySelector("[data-tip]");
mark.scrollIntoView();
const box = mark.getBoundingClientRect();
mark.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: box.left + 1, clientY: box.top + 1 }));
const tip = document.querySelector("#tip");
document.documentElement.dataset.findings = JSON.stringify({
  errors,
  charts: shown.length,
  badCharts: shown.filter((svg) => {
    const { width, height, right, left } = svg.getBoundingClientRect();
    return width < 100 || height < 60 || left < 0 || right > document.documentElement.clientWidth + 1;
  }).map((svg) => svg.getAttribute("aria-label").slice(0, 60)),
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  tip: tip.hidden ? "" : tip.textContent,
  sorted: heads[time].getAttribute("aria-sort") === "ascending" && values.every((value, at) => at === 0 || values[at - 1] <= value),
  lastHasNone: cells.at(-1).hasAttribute("colspan"),
});
</script>`;

/** Writes a report of made-up cells into a folder, and the same page with what watches it beside it. */
export async function writeWatchedPage(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const { page } = await writeReport(folder, studyFixture());
  const watched = join(folder, "watched.html");
  writeFileSync(
    watched,
    readFileSync(page, "utf8")
      .replace("<title>", () => `${WATCH}<title>`)
      .replace("</body>", () => `${PROBE}</body>`),
  );
  return watched;
}

/** @throws Error saying what is wrong with the page at this width. */
export async function checkPage(
  program: string,
  args: readonly string[],
  home: string,
  page: string,
  width: number,
): Promise<string> {
  const found = await findingsOf(
    program,
    [...args, `--window-size=${width},1000`, "--dump-dom", `file://${page}`],
    home,
  );
  if (found.errors.length > 0) throw new Error(found.errors.join("; "));
  if (found.charts < 20) throw new Error(`${found.charts} charts are shown`);
  if (found.badCharts.length > 0) throw new Error(`of no size or beyond the page: ${found.badCharts.join("; ")}`);
  if (found.overflow > 0) throw new Error(`the page is ${found.overflow} pixels wider than its window`);
  if (!found.tip.includes("tokens")) throw new Error(`pointing at a mark shows "${found.tip}"`);
  if (!found.sorted || !found.lastHasNone) throw new Error("the table is not sorted by time");
  return `${found.charts} charts`;
}

async function findingsOf(program: string, args: readonly string[], home: string): Promise<Findings> {
  const child = spawn(program, args, { env: { ...process.env, HOME: home }, stdio: ["ignore", "pipe", "ignore"] });
  const stop = setTimeout(() => child.kill(), 60_000);
  let text = "";
  child.stdout.on("data", (part: Buffer) => (text += part.toString()));
  await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  clearTimeout(stop);
  const found = /data-findings="([^"]*)"/.exec(text)?.[1];
  if (found === undefined) throw new Error("the page's script did not run to its end");
  return JSON.parse(found.replaceAll("&quot;", '"').replaceAll("&amp;", "&")) as Findings;
}
