import { describe, expect, it } from "vitest";
import { addTimings, summarize, timeCalls } from "./timing.ts";

describe("timeCalls", () => {
  const counter = () => {
    let calls = 0;
    return { call: async () => void calls++, calls: () => calls };
  };

  it("makes as many calls as asked for while there is time", async () => {
    const { call, calls } = counter();
    expect((await timeCalls(call, { repeats: 5, budgetMs: 60_000, firstMs: 1 })).runs).toBe(5);
    expect(calls()).toBe(5);
  });

  it("lets the first call stand where it used up the time", async () => {
    const { call, calls } = counter();
    const timing = await timeCalls(call, { repeats: 5, budgetMs: 1000, firstMs: 1500 });
    expect(timing).toEqual({ medianMs: 1500, minMs: 1500, maxMs: 1500, runs: 1 });
    expect(calls()).toBe(0);
  });
});

describe("summarize", () => {
  it("takes the middle of an odd and the mean of the two middle ones of an even number of durations", () => {
    expect(summarize([3, 1, 8])).toEqual({ medianMs: 3, minMs: 1, maxMs: 8, runs: 3 });
    expect(summarize([4, 1, 2, 8]).medianMs).toBe(3);
  });
});

describe("addTimings", () => {
  it("adds the times of groups of heads that were timed one after the other", () => {
    const timings = [summarize([1, 2, 3]), summarize([10, 20])];
    expect(addTimings(timings)).toEqual({ medianMs: 17, minMs: 11, maxMs: 23, runs: 2 });
  });
});
