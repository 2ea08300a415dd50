import { describe, expect, it } from "vitest";
import { studentT } from "./student-t.ts";

describe("studentT", () => {
  it("is what tables of the distribution say", () => {
    for (const [degrees, expected] of [
      [1, 12.706],
      [2, 4.303],
      [5, 2.571],
      [10, 2.228],
      [30, 2.042],
      [1000, 1.962],
    ] as const) {
      expect(studentT(0.95, degrees)).toBeCloseTo(expected, 3);
    }
    expect(studentT(0.99, 4)).toBeCloseTo(4.604, 3);
  });

  it("is the closed form of the distributions with 1 and 2 degrees of freedom", () => {
    for (const confidence of [0.1, 0.5, 0.9, 0.999]) {
      expect(studentT(confidence, 1)).toBeCloseTo(Math.tan((Math.PI * confidence) / 2), 6);
      expect(studentT(confidence, 2)).toBeCloseTo(confidence * Math.sqrt(2 / (1 - confidence * confidence)), 6);
    }
  });

  it("refuses confidences and degrees that mean nothing", () => {
    expect(() => studentT(1, 3)).toThrow("studentT: expected a confidence between 0 and 1, got 1");
    expect(() => studentT(0.95, 0)).toThrow("studentT: expected at least 1 degree of freedom, got 0");
  });
});
