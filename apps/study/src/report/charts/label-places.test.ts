import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Place, placeLabels, spreadApart } from "./label-places.ts";

describe("spreadApart", () => {
  it("keeps the order, the gap and the ends, whatever is wanted", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 400, noNaN: true }), { minLength: 1, maxLength: 25 }), (wanted) => {
        const places = spreadApart(wanted, 13, [0, 400]);
        const order = wanted.map((_, at) => at).sort((a, b) => wanted[a]! - wanted[b]!);
        for (const [i, at] of order.entries()) {
          if (i > 0) expect(places[at]! - places[order[i - 1]!]!).toBeGreaterThan(13 - 1e-9);
          expect(places[at]).toBeGreaterThanOrEqual(0);
          expect(places[at]).toBeLessThanOrEqual(400 + 1e-9);
        }
      }),
    );
  });

  it("moves nothing that has room", () => {
    expect(spreadApart([100, 20, 60], 13, [0, 120])).toEqual([100, 20, 60]);
  });
});

describe("placeLabels", () => {
  const bounds = { left: 0, right: 600, top: 0, bottom: 300 };

  it("covers neither labels nor dots", () => {
    const spots = Array.from({ length: 9 }, (_, i) => ({ x: 300 + 2 * i, y: 150 + (i % 3), text: `label-${i}` }));
    const places = placeLabels(spots, bounds);
    const width = 7 * 7;
    const left = ({ x, anchor }: Place): number => x - { start: 0, middle: width / 2, end: width }[anchor];
    expect(places.filter((place) => place !== undefined).length).toBe(9);
    for (const [i, a] of places.entries()) {
      for (const b of places.slice(i + 1)) {
        expect(Math.abs(a!.y - b!.y) >= 13 || left(a!) >= left(b!) + width || left(b!) >= left(a!) + width).toBe(true);
      }
      for (const spot of spots) {
        const beside = spot.x < left(a!) || spot.x > left(a!) + width || Math.abs(spot.y - a!.y) > 6;
        expect(beside).toBe(true);
      }
    }
  });

  it("stays within its bounds, or places nothing", () => {
    const [place] = placeLabels([{ x: 595, y: 5, text: "at the edge" }], bounds);
    expect(place!.anchor).toBe("end");
    expect(place!.x).toBeLessThan(600);
    expect(placeLabels([{ x: 5, y: 5, text: "x".repeat(200) }], bounds)).toEqual([undefined]);
  });
});
