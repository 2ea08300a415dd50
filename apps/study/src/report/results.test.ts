import { expect, it } from "vitest";
import { studyFixture } from "../../test/study-fixture.ts";
import { resultsOf, studyJson } from "./results.ts";

it("puts cells into the order of the grid, whenever they ended", () => {
  const records = studyFixture({ inputs: ["text", "gaussian"], machines: 2 });
  expect(resultsOf(records.toReversed()).cells).toEqual(resultsOf(records).cells);
});

it("takes a machine that joined twice once", () => {
  const records = studyFixture();
  const machines = records.filter((record) => record.record === "machine");
  expect(resultsOf([...records, ...machines]).machines).toEqual(machines);
});

it("wants one header", () => {
  const records = studyFixture();
  expect(() => resultsOf(records.slice(1))).toThrow("resultsOf: expected one header of a study, got 0");
  expect(() => resultsOf([...records, ...records])).toThrow("got 2");
});

it("is JSON with study, machines, cells and conclusions", () => {
  const json = studyJson(studyFixture());
  const read = JSON.parse(JSON.stringify(json)) as typeof json;
  expect(Object.keys(read)).toEqual(["study", "machines", "cells", "conclusions"]);
  expect(Object.keys(read.conclusions)).toEqual(["growth", "crossovers", "limits", "longest"]);
  expect(read.cells).toHaveLength(63);
});
