import { expect, it } from "vitest";
import { bytes, exponent, seconds, share } from "./units.ts";

it("writes bytes in powers of 1000 with three digits", () => {
  expect([0, 512, 65_536, 25.77e9, 999_700].map(bytes)).toEqual(["0 B", "512 B", "65.5 kB", "25.8 GB", "1.00 MB"]);
});

it("writes durations from microseconds to hours", () => {
  expect([0.416, 17_300, 321_000, 1.08e7].map(seconds)).toEqual(["0.42 ms", "17.3 s", "5.35 min", "3.00 h"]);
});

it("says when an error is not finite", () => {
  expect([0, 1.23e-7, Infinity].map(exponent)).toEqual(["0", "1.2e-7", "not finite"]);
});

it("writes shares in percent, of nothing as a dash", () => {
  expect([share(1, 3), share(0, 0)]).toEqual(["33.3%", "-"]);
});
