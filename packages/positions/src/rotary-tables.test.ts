import { describe, expect, test } from "vitest";
import { ropeFrequencies } from "./rope-frequencies.ts";
import { RotaryTables } from "./rotary-tables.ts";

const frequencies = ropeFrequencies(24, 10_000, undefined, 0);

/** Half a unit in the last place of an f32 below 1.5, and a little for the addition theorem. */
const ROUNDING = 2 ** -25 * 1.51 + 1e-12;

const worst = (tables: RotaryTables, factor = 1): number => {
  let most = 0;
  for (let p = 0; p < tables.rows; p++) {
    for (const [i, theta] of frequencies.entries()) {
      const at = p * frequencies.length + i;
      most = Math.max(most, Math.abs(tables.cos[at]! - factor * Math.cos(p * theta)));
      most = Math.max(most, Math.abs(tables.sin[at]! - factor * Math.sin(p * theta)));
    }
  }
  return most;
};

describe("rotary tables", () => {
  test("hold the rounded sines and cosines of every position, however they grew", () => {
    const tables = new RotaryTables(frequencies, 1);
    for (const rows of [1, 2, 63, 64, 65, 200, 201, 1000]) {
      tables.grow(rows);
      expect(tables.rows).toBeGreaterThanOrEqual(rows);
      expect(worst(tables)).toBeLessThan(ROUNDING);
    }
    const once = new RotaryTables(frequencies, 1);
    once.grow(1000);
    expect(tables.cos.subarray(0, 12_000)).toEqual(once.cos.subarray(0, 12_000));
  });

  test("are as exact at a million tokens", () => {
    const tables = new RotaryTables(frequencies.subarray(0, 2), 1);
    tables.grow(1_000_000);
    for (const p of [999_999, 524_288, 777_777]) {
      const want = [Math.cos(p), Math.cos(p * frequencies[1]!)];
      for (const i of [0, 1]) expect(Math.abs(tables.cos[2 * p + i]! - want[i]!)).toBeLessThan(2 ** -25 + 1e-9);
    }
  });

  test("are multiplied by their factor before they are rounded", () => {
    const tables = new RotaryTables(frequencies, 1.25);
    tables.grow(300);
    expect(worst(tables, 1.25)).toBeLessThan(2 * ROUNDING);
  });

  test("grow in turns to the same bits", async () => {
    const [one, other] = [new RotaryTables(frequencies, 1), new RotaryTables(frequencies, 1)];
    one.grow(50_000);
    await Promise.all([other.growInTurns(50_000, undefined), other.growInTurns(20_000, undefined)]);
    expect(other.rows).toBe(one.rows);
    expect(Buffer.compare(Buffer.from(other.sin.buffer), Buffer.from(one.sin.buffer))).toBe(0);
  });

  test("leave arrays that were handed out as they are", () => {
    const tables = new RotaryTables(frequencies, 1);
    tables.grow(10);
    const { cos } = tables;
    const before = [...cos];
    tables.grow(5000);
    expect([...cos]).toEqual(before);
  });
});
