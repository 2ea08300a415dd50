import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { UnmeasuredCell } from "../cells/record.ts";
import { openCellsFile } from "./cells-file.ts";
import { lineOf } from "./read-records.ts";
import { writeWhole } from "./whole-file.ts";

const folder = mkdtempSync(join(tmpdir(), "cells-"));
afterAll(() => rmSync(folder, { recursive: true }));

const cell: UnmeasuredCell = {
  record: "cell",
  machine: "m",
  variant: "dense",
  input: "text",
  length: 512,
  runtime: "auto",
  status: "failed",
  reason: "ééé",
};

describe("a file of cells", () => {
  it("grows by lines from where its last whole one ends", () => {
    const path = join(folder, "a.jsonl");
    writeFileSync(path, "first\nsec");
    using file = openCellsFile(path, 6);
    expect(readFileSync(path, "utf8")).toBe("first\n");
    file.append(cell);
    file.append(cell);
    expect(readFileSync(path, "utf8")).toBe(`first\n${lineOf(cell)}${lineOf(cell)}`);
  });

  it.runIf(process.platform === "linux")("says that a disk is full", () => {
    // Every write to this device fails with ENOSPC.
    using file = openCellsFile("/dev/full", 0);
    expect(() => file.append(cell)).toThrow("cannot write /dev/full: no space is left (ENOSPC)");
  });
});

describe("a whole file", () => {
  it("replaces the earlier one, and leaves nothing else", () => {
    const path = join(folder, "whole", "report.md");
    expect(() => writeWhole(path, "x")).toThrow(/^cannot write .*report\.md: ENOENT/);
    writeFileSync(join(folder, "report.md"), "old");
    writeWhole(join(folder, "report.md"), "new");
    expect(readFileSync(join(folder, "report.md"), "utf8")).toBe("new");
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});
