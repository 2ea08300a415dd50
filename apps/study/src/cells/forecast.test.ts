import { describe, expect, it } from "vitest";
import { type Circumstances, refusal } from "./forecast.ts";
import type { CellRecord, MachineRecord } from "./record.ts";

const circumstances: Circumstances = {
  series: [],
  machine: { peakGflops: 100 } as MachineRecord,
  freeBytes: 1e9,
  measure: {
    timeSeconds: 1,
    repeats: 3,
    decodeSteps: 0,
    sampledRows: 0,
    needleDepths: [],
    needleTrials: 1,
    tasks: [],
    cellSeconds: 10,
    cellBytes: 5e8,
  },
};
const costs = { inputBytes: 1e8, planBytes: 1e8, callMs: 1000 };
const shorter = (status: "out-of-memory" | "out-of-time" | "failed"): CellRecord[] => [
  { record: "cell", machine: "m", variant: "v", input: "i", length: 512, runtime: "auto", status, reason: "so" },
];

describe("a cell is not run", () => {
  it("when it would hold more than is free, or than it may", () => {
    expect(refusal({ ...costs, inputBytes: 9.5e8 }, circumstances)).toEqual({
      status: "too-large",
      reason: "would hold 1.05 GB, 1.00 GB are free",
    });
    expect(refusal({ ...costs, planBytes: 6e8 }, circumstances)).toEqual({
      status: "too-large",
      reason: "would hold 600 MB beyond its inputs, of 500 MB",
    });
  });

  it("when three calls would take longer than it may", () => {
    expect(refusal({ ...costs, callMs: 3400 }, circumstances)).toEqual({
      status: "too-slow",
      reason: "would take about 3.40 s a call, and 3 of them more than 10.0 s",
    });
  });

  it("when a shorter one of its kind was stopped", () => {
    expect(refusal(costs, { ...circumstances, series: shorter("out-of-memory") })?.status).toBe("too-large");
    expect(refusal(costs, { ...circumstances, series: shorter("out-of-time") })?.status).toBe("too-slow");
  });

  it("otherwise it is", () => {
    expect(refusal(costs, circumstances)).toBeUndefined();
    expect(refusal(costs, { ...circumstances, series: shorter("failed") })).toBeUndefined();
  });
});
