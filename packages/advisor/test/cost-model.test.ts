import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRuntime } from "@saccade/core";
import { describe, expect, it } from "vitest";
import { calibrate, candidate, fastest, predictDecode, predictMemory, predictPrefill } from "../src/index.ts";
import { keptCalibration } from "../src/cost/calibration-file.ts";
import { tokensOf } from "./call-tokens.ts";
import { MACHINE } from "./made-machine.ts";

describe("on this machine", () => {
  const ids = ["dense", "window:128", "top-k-blocks:32:k=4", "linear:elu", "gated-delta-net", "retention"];

  // A machine that is measured while others use it may be measured wrongly: once more then, from the beginning.
  it("predicts times of calls that were not measured, and their order", { timeout: 120_000, retry: 2 }, async () => {
    const machine = await calibrate({ threads: 1, variants: ids.map((id) => candidate(id).spec.variant) });
    const shape = { heads: 4, kvHeads: 2, queries: 2500, headDim: 64, threads: 1 };
    const tokens = tokensOf({ heads: 4, kvHeads: 2, tokens: 2500, headDim: 64 });
    await using runtime = await openRuntime("auto", { threads: 1 });
    const found: { id: string; predicted: number; measured: number }[] = [];
    for (const id of ids) {
      const each = candidate(id);
      const { ms: predicted } = predictPrefill(each, shape, machine);
      found.push({ id, predicted, measured: await fastest(() => each.forward(tokens, { runtime, threads: 1 })) });
    }
    // Bounds that hold on a busy machine; `bench:cost-model` shows how near predictions come.
    const errors = found.map(({ predicted, measured }) => Math.abs(Math.log2(predicted / measured)));
    expect(errors.toSorted((a, b) => a - b)[3]).toBeLessThan(2);
    const at = (id: string) => found.find((each) => each.id === id)!;
    for (const [slow, fast] of [
      ["dense", "window:128"],
      ["dense", "retention"],
      ["linear:elu", "retention"],
    ] as const) {
      expect(at(slow).predicted).toBeGreaterThan(at(fast).predicted);
      expect(at(slow).measured).toBeGreaterThan(at(fast).measured);
    }
  });
});

describe("predictPrefill", () => {
  const shape = { heads: 8, kvHeads: 2, queries: 8192, headDim: 64, threads: 1 };
  const ms = (id: string, changes: object = {}) => predictPrefill(candidate(id), { ...shape, ...changes }, MACHINE).ms;

  it("grows with the square of the length for dense attention, and with the length for windows and states", () => {
    expect(ms("dense", { queries: 65_536 }) / ms("dense", { queries: 16_384 })).toBeCloseTo(16, 0);
    for (const id of ["window:256", "retention", "gated-delta-net", "chunk:512"]) {
      expect(ms(id, { queries: 2 ** 20 }) / ms(id, { queries: 2 ** 18 })).toBeCloseTo(4, 0);
    }
  });

  it("predicts a call of a million tokens in less than ten seconds, whatever the variant", () => {
    for (const id of [
      "dense",
      "window:1024:sinks=4",
      "big-bird",
      "strided",
      "fixed",
      "vertical-slash",
      "native-sparse",
    ]) {
      const start = performance.now();
      expect(ms(id, { queries: 2 ** 20 })).toBeGreaterThan(0);
      expect(performance.now() - start).toBeLessThan(10_000);
    }
  });

  it("takes widths between and beyond those that were measured", () => {
    const times = [32, 64, 80, 96, 128, 192, 256].map((headDim) => ms("dense", { headDim }));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it("lets threads shorten what kernels do, and nothing else", () => {
    const [one, two] = [1, 2].map((threads) => predictPrefill(candidate("linear:elu"), { ...shape, threads }, MACHINE));
    expect(two!.kernelMs).toBeLessThan(one!.kernelMs);
    expect(two!.scriptMs).toBe(one!.scriptMs);
  });

  it("refuses what the variant refuses", () => {
    expect(() => ms("log-linear:8")).toThrow("at most 128 tokens");
  });
});

describe("predictDecode", () => {
  const shape = { heads: 8, kvHeads: 2, headDim: 64, threads: 1 };

  it("grows with the cache of dense attention, and not with windows and states", () => {
    const ms = (id: string, queries: number) => predictDecode(candidate(id), { ...shape, queries }, MACHINE).ms;
    expect(ms("dense", 2 ** 20) / ms("dense", 2 ** 18)).toBeCloseTo(4, 0);
    for (const id of ["window:256", "retention", "gated-delta-net"]) expect(ms(id, 2 ** 20)).toBe(ms(id, 2 ** 14));
    expect(ms("page-select:1024", 2 ** 17)).toBeLessThan(ms("dense", 2 ** 17));
    expect(() => ms("cumulative", 1024)).toThrow("has no decoder");
  });
});

describe("predictMemory", () => {
  const NO_RUNTIME = { runtimeBytes: 0, runtime: "wasm" };

  it("is inputs, output, workspace and cache", () => {
    const shape = { heads: 8, kvHeads: 2, queries: 2 ** 17, headDim: 64 };
    const both = predictMemory(candidate("dense"), shape, "both", { runtimeBytes: 1e6, runtime: "native" });
    expect(both.inputBytes).toBe(4 * 2 ** 17 * 64 * 12);
    expect(both.outputBytes).toBe(4 * 2 ** 17 * 64 * 8);
    expect(both.cacheBytes).toBe(4 * 2 ** 17 * 64 * 4);
    const { totalBytes, ...parts } = both;
    expect(totalBytes).toBe(Object.values(parts).reduce((sum, each) => sum + each, 0));
    expect(predictMemory(candidate("dense"), shape, "prefill", NO_RUNTIME).cacheBytes).toBe(0);
    expect(predictMemory(candidate("retention"), shape, "both", NO_RUNTIME).cacheBytes).toBeLessThan(4e5);
  });
});

describe("a calibration", () => {
  it("is kept in a file for the machine that it was made on, and a file that is broken is none", () => {
    const folder = mkdtempSync(join(tmpdir(), "saccade-calibration-"));
    try {
      const file = join(folder, "below", "calibration.json");
      const key = { cpu: "made up", cores: 2, runtime: "native", instructionSet: "avx512", threads: 2 };
      expect(keptCalibration(file, key).read()).toBeUndefined();
      keptCalibration(file, key).write(MACHINE);
      expect(keptCalibration(file, key).read()).toEqual(MACHINE);
      expect(keptCalibration(file, { ...key, cpu: "another" }).read()).toBeUndefined();
      expect(keptCalibration(file, { ...key, threads: 1 }).read()).toBeUndefined();
      writeFileSync(file, readFileSync(file, "utf8").slice(0, 100));
      expect(keptCalibration(file, key).read()).toBeUndefined();
      expect(keptCalibration(false, key).read()).toBeUndefined();
      // A folder where a file should lie cannot be written, and is no error.
      keptCalibration(folder, key).write(MACHINE);
      expect(keptCalibration(folder, key).read()).toBeUndefined();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
