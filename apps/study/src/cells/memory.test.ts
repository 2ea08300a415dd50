import { describe, expect, it } from "vitest";
import { collectGarbage, residentBytes, startPeakMeter } from "./memory.ts";

describe("the peak meter", () => {
  it("sees memory that was used and let go", async () => {
    await collectGarbage();
    const before = residentBytes();
    const meter = startPeakMeter();
    touch(64);
    expect(meter.peakBytes() - before).toBeGreaterThan(40e6);
  });

  it.runIf(startPeakMeter().method === "high-water mark, reset")(
    "forgets earlier peaks where the mark is reset",
    () => {
      const meter = startPeakMeter();
      expect(meter.peakBytes() - residentBytes()).toBeLessThan(16e6);
    },
  );
});

/** Makes that many megabytes resident. */
function touch(megabytes: number): number {
  return new Uint8Array(megabytes * 1e6).fill(1).length;
}
