import { expect, it } from "vitest";
import { brief, bytes, counted, error, exponent, percent, seconds, share, tokens } from "./units.ts";

it("writes bytes in powers of 1000 with three digits", () => {
  expect([0, 512, 65_536, 25.77e9, 999_700].map(bytes)).toEqual(["0 B", "512 B", "65.5 kB", "25.8 GB", "1.00 MB"]);
});

it("writes durations from microseconds to hours", () => {
  expect([0, 0.0421, 0.416, 4.16, 17_300, 321_000, 1.08e7].map(seconds)).toEqual([
    ...["0.00 ms", "42.1 µs", "416 µs", "4.16 ms", "17.3 s", "5.35 min", "3.00 h"],
  ]);
});

it("writes relative errors without an exponent while they can be read", () => {
  expect([0, 1, 0.344, 0.00123, 1.2345e-7, 1e-6, Infinity].map(error)).toEqual([
    ...["0", "1", "0.34", "0.0012", "1.2e-7", "1e-6", "not finite"],
  ]);
});

it("says when an error is not finite", () => {
  expect([0, 1.23e-7, Infinity].map(exponent)).toEqual(["0", "1.2e-7", "not finite"]);
});

it("writes shares in percent, of nothing as a dash", () => {
  expect([share(1, 3), share(0, 0)]).toEqual(["33.3%", "-"]);
  expect([0, 0.00524, 0.42, 0.99, 0.9999, 1 - 3e-7, 1, 1.163].map(percent)).toEqual([
    ...["0%", "0.52%", "42%", "99%", "99.9%", "100%", "100%", "116%"],
  ]);
});

it("writes tokens in powers of 1024", () => {
  expect([1, 512, 1024, 1434, 65_536, 100_000, 131_072, 1 << 20, Infinity].map(tokens)).toEqual([
    ...["1", "512", "1k", "1.4k", "64k", "98k", "128k", "1M", "unbounded"],
  ]);
});

it("leaves out decimals that say nothing, and no others", () => {
  expect(["10.0 MB", "1.50 s", "100 ms", "2.05 GB", "5.00"].map(brief)).toEqual([
    "10 MB",
    "1.5 s",
    "100 ms",
    "2.05 GB",
    "5",
  ]);
});

it("counts", () => {
  expect([counted(1, "cell"), counted(0, "cell")]).toEqual(["1 cell", "0 cells"]);
});
