import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import type { StudyRecord } from "../src/cells/record.ts";
import { renderPage } from "../src/report/page/page.ts";
import { SCRIPT } from "../src/report/page/script.ts";
import { studyJson } from "../src/report/results.ts";
import { studyFixture } from "./study-fixture.ts";

const picture = { svg: '<svg class="blocks" role="img" aria-label="a picture"></svg>', caption: "Keys that are seen." };

function pageOf(records: readonly StudyRecord[], pictures = ["dense"]): { text: string; document: Document } {
  const text = renderPage(studyJson(records), new Map(pictures.map((id) => [id, picture])));
  return { text, document: parseHTML(text).document };
}

/** What is shown of a number that is none. */
function oddities(document: Document): string[] {
  const attributes = [...document.querySelectorAll("svg *, svg, td")].flatMap((each) =>
    [...each.attributes].map(({ value }) => value),
  );
  const texts = [...document.querySelectorAll("main, header")].map((each) => each.textContent ?? "");
  return [...attributes, ...texts].flatMap((text) => text.match(/.{0,30}(NaN|undefined|Infinity).{0,30}/g) ?? []);
}

const count = (parent: Element, selector: string): number => parent.querySelectorAll(selector).length;

describe("the page of a study", () => {
  const records = studyFixture();
  const cells = records.filter((record) => record.record === "cell");
  const measured = cells.filter((cell) => cell.status === "measured");
  const { text, document } = pageOf(records);
  const figure = (id: string): Element => {
    const found = document.querySelector(`#figure-${id}`);
    if (found === null) throw new Error(`there is no figure ${id}`);
    return found;
  };

  it("has every chart", () => {
    const ids = [...document.querySelectorAll("figure.chart")].map((each) => each.id.replace("figure-", ""));
    expect(ids).toEqual([
      ...["time", "memory", "decode", "cache", "error", "mass", "retrieval", "far-retrieval", "tasks"],
      ...Array.from({ length: 9 }, (_, i) => `needles-${i + 1}`),
      ...["frontier-error", "frontier-needles", "roofline-1a2b3c4d"],
    ]);
  });

  it("marks every cell that has the number, in a wide and in a narrow drawing", () => {
    const withMass = measured.filter((cell) => cell.accuracy?.massRecall !== undefined).length;
    for (const [id, marks] of [
      ["time", measured.length],
      ["memory", measured.length],
      ["decode", measured.length],
      ["cache", measured.length],
      ["error", measured.length],
      ["mass", withMass],
      ["retrieval", measured.length],
      ["far-retrieval", measured.length],
      ["tasks", measured.length],
      ["frontier-error", 9],
      ["frontier-needles", 9],
      ["roofline-1a2b3c4d", measured.length],
    ] as const) {
      for (const kind of ["wide", "narrow"]) {
        const drawing = figure(id).querySelector(`.${kind} svg`)!;
        expect(count(drawing, '[aria-label="dot"] > *'), `${id}, ${kind}`).toBe(marks);
        expect(count(drawing, "title"), `${id}, ${kind}`).toBe(marks);
      }
    }
  });

  it("draws bands, extrapolations and what analysis says", () => {
    const wide = (id: string): Element => figure(id).querySelector(".wide svg")!;
    expect(count(wide("time"), '[aria-label="area"]')).toBe(9);
    // A line and its extension each; memory also by analysis.
    expect(count(wide("time"), '[aria-label="line"]')).toBe(18);
    expect(count(wide("memory"), '[aria-label="line"]')).toBe(27);
    expect(count(wide("retrieval"), '[aria-label="area"]')).toBe(9);
    expect(count(wide("decode"), '[aria-label="rule"] line')).toBe(measured.length);
  });

  it("colours a square of each heat map for each depth and length, and marks those that were not measured", () => {
    const dense = figure("needles-1");
    expect(count(dense, '[aria-label="cell"] rect')).toBe(35);
    expect([...dense.querySelectorAll('[aria-label="cell"] rect')].every((rect) => rect.hasAttribute("fill"))).toBe(
      true,
    );
    const bird = figure("needles-6");
    expect([...bird.querySelectorAll("text")].filter((each) => each.textContent === "–")).toHaveLength(5);
  });

  it("describes every drawing, and has its numbers in a table", () => {
    for (const drawing of document.querySelectorAll("figure.chart svg")) {
      if (drawing.getAttribute("aria-hidden") === "true") continue;
      expect(drawing.getAttribute("role")).toBe("img");
      expect(drawing.getAttribute("aria-label")?.length).toBeGreaterThan(40);
    }
    for (const each of document.querySelectorAll("figure.chart")) {
      expect(count(each, "details table tbody tr"), each.id).toBeGreaterThan(4);
    }
    expect(oddities(document)).toEqual([]);
  });

  it("names every line beside it", () => {
    const names = [...figure("time").querySelectorAll('.wide [aria-label="text"] text')].map(
      (each) => each.textContent,
    );
    expect(names).toEqual([
      ...["dense", "window:1024", "window:1024:sinks=4", "top-k-blocks:16", "a-shape:512", "big-bird"],
      ...["chunk:2048", "retention", "gated-delta-net"],
    ]);
  });

  it("marks what needs training, and does not rank it", () => {
    const rows = [...figure("frontier-needles").querySelectorAll("tbody tr")].map((row) =>
      (row.textContent ?? "").trim(),
    );
    expect(rows.filter((row) => row.includes("not ranked"))).toHaveLength(2);
    expect(rows.find((row) => row.startsWith("retention"))).toContain("not ranked");
    expect(document.querySelector("#summary")?.textContent).toContain(
      "retention, gated-delta-net need weights that were trained with them",
    );
  });

  it("shows pictures of variants, and says where there is none", () => {
    const [dense, other] = document.querySelectorAll("figure.picture");
    expect(dense && count(dense, "svg")).toBe(1);
    expect(other?.textContent).toContain("There is no picture of it");
  });

  it("loads nothing: no address, no file, and a policy that forbids it", () => {
    expect(text.match(/https?:|\/\/[a-z]+\.|@import|<link|<iframe|\bsrc=/g)).toBeNull();
    expect([...text.matchAll(/url\(([^)]*)\)/g)].every(([, target]) => target?.startsWith("#"))).toBe(true);
    const policy = document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.getAttribute("content");
    expect(policy).toContain("default-src 'none'");
  });

  it("has no id twice, and links only to what is there", () => {
    const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const link of document.querySelectorAll("a[href]")) {
      expect(ids).toContain(link.getAttribute("href")?.slice(1));
    }
  });

  it("says how to repeat the study", () => {
    const settings = document.querySelector("#settings")?.textContent ?? "";
    for (const part of ["saccade study --preset quick", "0f1e2d3c", "a processor with two cores", "0123456789abcdef"]) {
      expect(settings).toContain(part);
    }
  });

  it("escapes what comes from elsewhere", () => {
    const [header, ...others] = records as [Extract<StudyRecord, { record: "study" }>, ...StudyRecord[]];
    const hostile = { ...header, name: '<img src=x onerror="alert(1)"> & more' };
    const { text: other } = pageOf([hostile, ...others]);
    expect(other).not.toContain("<img");
    expect(other).toContain("&lt;img src=x onerror=&quot;alert(1)&quot;&gt; &amp; more");
  });
});

describe("the table of the page", () => {
  it("is sorted by a column up and down, rows without a number last", () => {
    const { document } = pageOf(studyFixture());
    // oxlint-disable-next-line no-implied-eval -- This is how a browser runs it.
    new Function("document", SCRIPT)(document);
    const heads = [...document.querySelectorAll("table.sortable th")];
    const time = heads.findIndex((head) => head.textContent?.trim() === "time");
    const values = (): (number | undefined)[] =>
      [...document.querySelectorAll("table.sortable tbody tr")].map((row) => {
        const value = row.children[time];
        return value === undefined || value.hasAttribute("colspan")
          ? undefined
          : Number(value.getAttribute("data-value"));
      });
    const press = (): void => heads[time]!.querySelector("button")!.click();

    press();
    expect(heads[time]!.getAttribute("aria-sort")).toBe("ascending");
    const up = values();
    expect(up.slice(0, 61)).toEqual(up.slice(0, 61).toSorted((a, b) => a! - b!));
    expect(up.slice(61)).toEqual([undefined, undefined]);

    press();
    expect(heads[time]!.getAttribute("aria-sort")).toBe("descending");
    expect(values()).toEqual([...up.slice(0, 61).toReversed(), undefined, undefined]);
    expect(document.querySelector("[role=status]")?.textContent).toBe("Sorted by time, descending.");

    heads[1]!.querySelector("button")!.click();
    expect(heads.map((head) => head.getAttribute("aria-sort")).filter((order) => order !== "none")).toEqual([
      "ascending",
    ]);
    expect(document.querySelector("table.sortable tbody tr")?.children[1]?.textContent?.trim()).toBe("a-shape:512");
  });
});

describe("pages of other studies", () => {
  it("keep inputs, runtimes and machines apart", () => {
    const { document } = pageOf(
      studyFixture({ inputs: ["text", "gaussian"], runtimes: ["native", "wasm"], machines: 2, seed: 3 }),
    );
    expect(document.querySelector("#figure-time-1 h3")?.textContent).toBe("Time of a prefill, text");
    expect(document.querySelector("#figure-time-2 h3")?.textContent).toBe("Time of a prefill, gaussian");
    expect(document.querySelectorAll("[id^=figure-roofline]")).toHaveLength(4);
    const heads = [...document.querySelectorAll("table.sortable th")]
      .slice(0, 5)
      .map((head) => head.textContent?.trim());
    expect(heads).toEqual(["tokens", "variant", "input", "runtime", "machine"]);
  });

  it("are whole with one length, with one variant, with nothing measured and with nothing run", () => {
    const [header, machine] = studyFixture() as [StudyRecord, StudyRecord];
    for (const [records, charts] of [
      [studyFixture({ lengths: [512] }), true],
      [studyFixture({ variants: ["retention"] }), true],
      [studyFixture({ variants: ["dense"], lengths: [1 << 20] }), false],
      [[header, machine], false],
    ] as const) {
      const { document } = pageOf(records);
      expect(oddities(document)).toEqual([]);
      expect(document.querySelectorAll("figure.chart").length > 0).toBe(charts);
      expect(document.querySelector("#settings")).not.toBeNull();
    }
  });

  it("have no charts of what was not measured", () => {
    const bare = studyFixture().map((record) =>
      record.record === "cell" && record.status === "measured"
        ? { ...record, decode: undefined, accuracy: undefined, retrieval: undefined, needles: [], tasks: [] }
        : record,
    );
    const ids = [...pageOf(bare).document.querySelectorAll("figure.chart")].map((each) => each.id);
    expect(ids).toEqual(["figure-time", "figure-memory", "figure-roofline-1a2b3c4d"]);
  });
});
