import { describe, expect, it } from "vitest";
import { studyFixture } from "../../test/study-fixture.ts";
import { studyJson } from "./results.ts";
import { summarize } from "./summary.ts";

const summaryOf = (...given: Parameters<typeof studyFixture>): string =>
  summarize(studyJson(studyFixture(...given))).join("\n");

describe("the summary", () => {
  it("says what was measured, and what not and why", () => {
    expect(summaryOf()).toContain(
      "9 variants at 7 lengths (512 to 32k tokens) on 1 input and 1 machine: 61 of 63 cells measured; the others: 1 failed, 1 out of memory.",
    );
    expect(summaryOf({ variants: ["dense"], lengths: [512, 1 << 20] })).toContain(
      "1 of 2 cells measured; the others: 1 too slow, not run.",
    );
  });

  it("compares with dense attention, where there is one", () => {
    expect(summaryOf()).toMatch(
      /At 32k tokens the fastest prefill besides dense is .*: [\d.]+ m?s, [\d.]+ times as fast as dense/,
    );
    expect(summaryOf({ variants: ["window:1024", "retention"] })).not.toContain("besides dense");
  });

  it("says how time grows, or that there are too few lengths", () => {
    expect(summaryOf()).toMatch(/Time grows with length to the power of .* dense (1\.9|2\.0)\d\./);
    expect(summaryOf({ lengths: [512, 1024] })).toContain("an exponent needs three");
  });

  it("says how far dense attention gets, and how many get farther", () => {
    expect(summaryOf()).toMatch(
      /The longest prefill of dense attention within 1 GB and 10 s, in tokens: about \d+k, extrapolated \(\d+k to \d+k\); \d of the other 8 go farther\./,
    );
  });

  it("says who overtakes dense attention", () => {
    expect(summaryOf()).toMatch(/Dense attention is overtaken in time by .*window:1024 at [\d.]+k/);
  });

  it("never ranks what needs training by its distance from softmax attention", () => {
    const summary = summaryOf({ variants: ["dense", "retention", "gated-delta-net"] });
    expect(summary).not.toContain("closest to dense");
    expect(summary).not.toContain("finds the most needles");
    expect(summary).toContain("They are not ranked.");
  });

  it("compares on one runtime and machine, and says which", () => {
    expect(summaryOf({ runtimes: ["native", "wasm"] })).toContain("The next sentences compare what ran on native.");
    expect(summaryOf({ machines: 2 })).toContain("The next sentences compare what ran on machine A.");
  });
});
