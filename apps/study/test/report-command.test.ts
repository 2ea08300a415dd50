import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { StudyJson } from "../src/report/results.ts";
import { saccadeSync } from "./run-saccade.ts";
import { studyFixture } from "./study-fixture.ts";

const root = mkdtempSync(join(tmpdir(), "report-"));
afterAll(() => rmSync(root, { recursive: true }));

const saccade = (...args: string[]) => saccadeSync(args);

function studyFolder(name: string): string {
  const folder = join(root, name);
  mkdirSync(folder);
  const lines = studyFixture({ lengths: [512, 1024, 2048, 4096] }).map((record) => JSON.stringify(record));
  writeFileSync(join(folder, "cells.jsonl"), `${lines.join("\n")}\n`);
  return folder;
}

describe("saccade report", () => {
  it("writes page, Markdown and numbers, and prints table, summary and paths", () => {
    const folder = studyFolder("whole");
    const { status, stdout, stderr } = saccade("report", folder, "--seconds", "0.02");
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(readdirSync(folder).toSorted()).toEqual(["cells.csv", "cells.jsonl", "report.html", "report.md"]);
    expect(stdout).toMatch(/^tokens {2}variant/);
    expect(stdout).toContain("9 variants at 4 lengths");
    expect(stdout).toContain(`report    ${join(folder, "report.html")}`);
    const page = readFileSync(join(folder, "report.html"), "utf8");
    expect(page).toContain('<figure id="figure-time"');
    expect(page).toContain('aria-label="What queries of window:1024 look at');
    expect(readFileSync(join(folder, "report.md"), "utf8")).toMatch(/\| variant \| in 1 GB \| in 20 ms \| in both \|/);
  });

  it("prints JSON and writes nothing", () => {
    const folder = studyFolder("json");
    const { status, stdout } = saccade("report", folder, "--json");
    expect(status).toBe(0);
    const read = JSON.parse(stdout) as StudyJson;
    expect(read.cells).toHaveLength(36);
    expect(read.conclusions.limits).toEqual({ memoryBytes: 1e9, timeMs: 10_000 });
    expect(readdirSync(folder)).toEqual(["cells.jsonl"]);
  });

  it("leaves an earlier page as it was when it cannot write", () => {
    // Whoever runs the tests may write everywhere: a folder in the place of the file stops them.
    const folder = studyFolder("blocked");
    mkdirSync(join(folder, "report.html"));
    writeFileSync(join(folder, "report.html", "kept"), "");
    const { status, stderr } = saccade("report", folder);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^saccade: cannot write .*report\.html: .*\n$/);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("says in one line what is wrong", () => {
    const empty = join(root, "empty");
    mkdirSync(empty);
    for (const [args, status, message] of [
      [["report"], 2, /^saccade: report expects the folder of a study/],
      [["report", empty], 2, /^saccade: there is no .*cells\.jsonl: .*empty is no folder of a study\n$/],
      [
        ["report", studyFolder("flag"), "--memory", "much"],
        2,
        /^saccade: --memory expects a positive number, got "much"\n$/,
      ],
      [["report", studyFolder("other"), "more"], 2, /^saccade: expected only flags, got "more"\n$/],
    ] as const) {
      const run = saccade(...args);
      expect(run.stderr).toMatch(message);
      expect(run.status).toBe(status);
    }
    const broken = studyFolder("broken");
    writeFileSync(join(broken, "cells.jsonl"), '{"record":"cell"\n');
    expect(saccade("report", broken)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/cells\.jsonl:1: is not JSON\n$/),
    });
  });
});
