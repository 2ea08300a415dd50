import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frontierOf } from "./frontier-figures.ts";

const places = fc.array(fc.record({ x: fc.integer({ min: 1, max: 20 }), y: fc.integer({ min: 0, max: 20 }) }), {
  minLength: 1,
});

describe("frontierOf", () => {
  it("has those that no other beats, by the definition", () => {
    fc.assert(
      fc.property(places, (all) => {
        const best = frontierOf(all, "low");
        const beaten = (a: (typeof all)[number]): boolean =>
          all.some((b) => b.x <= a.x && b.y <= a.y && (b.x < a.x || b.y < a.y));
        for (const place of all) {
          const there = best.some((each) => each.x === place.x && each.y === place.y);
          expect(there).toBe(!beaten(place));
        }
      }),
    );
  });

  it("turns around where high is better", () => {
    const all = [
      { x: 1, y: 0.2 },
      { x: 2, y: 0.1 },
      { x: 3, y: 0.9 },
    ];
    expect(frontierOf(all, "high")).toEqual([all[0], all[2]]);
  });
});
