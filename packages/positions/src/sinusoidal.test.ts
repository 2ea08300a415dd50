import { describe, expect, test } from "vitest";
import { learnedPositions } from "./learned-positions.ts";
import { sinusoidal } from "./sinusoidal.ts";

describe("sinusoidal", () => {
  test("alternates the sine and cosine of falling frequencies", () => {
    const table = sinusoidal({ length: 3, dim: 4 });
    const want = [0, 1, 0, 1, Math.sin(1), Math.cos(1), Math.sin(0.01), Math.cos(0.01)];
    expect([...table.subarray(0, 8)]).toEqual(want.map(Math.fround));
    expect(table[8]).toBe(Math.fround(Math.sin(2)));
  });

  test("is the published formula by columns", () => {
    const [length, dim] = [50, 14];
    const table = sinusoidal({ length, dim, base: 300 });
    for (let column = 0; column < dim; column++) {
      const wavelength = 300 ** ((column - (column % 2)) / dim);
      for (let p = 0; p < length; p++) {
        // The cosine is the sine a quarter turn later.
        const want = Math.sin(p / wavelength + (column % 2) * (Math.PI / 2));
        expect(Math.abs(table[p * dim + column]! - want)).toBeLessThan(1e-7);
      }
    }
  });

  test("refuses odd widths", () => {
    expect(() => sinusoidal({ length: 1, dim: 3 })).toThrow("sinusoidal: dim is 3, expected an even number");
    expect(() => sinusoidal({ length: -1, dim: 4 })).toThrow("sinusoidal: length is -1");
  });
});

describe("learned positions", () => {
  const table = learnedPositions(Float32Array.of(1, 2, 10, 20, 100, 200), 2);

  test("are looked up", () => {
    expect(table.length).toBe(3);
    expect([...table.lookup([2, 0])]).toEqual([100, 200, 1, 2]);
  });

  test("are added to embeddings, to each sequence of a batch the same", () => {
    const x = new Float32Array(8).fill(0.5);
    table.add(x, [0, 2]);
    expect([...x]).toEqual([1.5, 2.5, 100.5, 200.5, 1.5, 2.5, 100.5, 200.5]);
    const step = Float32Array.of(0, 0);
    table.add(step, 1);
    expect([...step]).toEqual([10, 20]);
    const batch = new Float32Array(8);
    table.add(batch, 1, 2);
    expect([...batch]).toEqual([10, 20, 100, 200, 10, 20, 100, 200]);
  });

  test("refuse positions that are not there, and write nothing then", () => {
    const x = new Float32Array(4);
    expect(() => table.add(x, 2)).toThrow("learnedPositions.add: position 3, the table has 0..2");
    expect(() => table.lookup([-1])).toThrow("learnedPositions.lookup: position -1");
    expect(() => table.add(new Float32Array(3), [0])).toThrow("x has 3 numbers, expected a multiple of N dim = 2");
    expect([...x]).toEqual([0, 0, 0, 0]);
  });

  test("refuse tables of other sizes", () => {
    expect(() => learnedPositions(new Float32Array(5), 2)).toThrow(
      "the table has 5 numbers, expected a multiple of dim",
    );
    expect(() => learnedPositions([1] as unknown as Float32Array, 1)).toThrow("expected a table as a Float32Array");
  });
});
