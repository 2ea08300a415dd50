import fc from "fast-check";
import { expect, test } from "vitest";
import { LinearMemory } from "./linear-memory.ts";

test.each([false, true])(
  "allocations never overlap, are multiples of 64, and freed memory is used again (shared: %s)",
  (shared) => {
    const operation = fc.record({
      bytes: fc.integer({ min: 0, max: 400_000 }),
      free: fc.boolean(),
      which: fc.nat(100),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const memory = new LinearMemory(shared);
        memory.open(70_000);
        const held: { address: number; bytes: number; mark: number }[] = [];
        let mark = 0;
        for (const { bytes, free, which } of operations) {
          if (free && held.length > 0) {
            const [gone] = held.splice(which % held.length, 1);
            memory.free(gone!.address);
          } else {
            const address = memory.allocate(bytes);
            expect(address % 64).toBe(0);
            expect(address).toBeGreaterThanOrEqual(70_000);
            mark = (mark % 250) + 1;
            memory.bytes().fill(mark, address, address + bytes);
            held.push({ address, bytes, mark });
          }
        }
        for (const { address, bytes, mark: own } of held) {
          expect(
            memory
              .bytes()
              .subarray(address, address + bytes)
              .every((byte) => byte === own),
          ).toBe(true);
        }
        for (const { address } of held) memory.free(address);
        const before = memory.memory.buffer.byteLength;
        memory.free(memory.allocate(before - 80_000));
        expect(memory.memory.buffer.byteLength).toBe(before);
      }),
      { numRuns: 30 },
    );
  },
);

test("zeroed allocations are zero where others were before", () => {
  const memory = new LinearMemory(false);
  memory.open(0);
  const first = memory.allocate(1000);
  memory.bytes().fill(7, first, first + 1000);
  memory.free(first);
  const again = memory.allocateZeros(200_000);
  expect(again).toBe(first);
  expect(
    memory
      .bytes()
      .subarray(again, again + 200_000)
      .every((byte) => byte === 0),
  ).toBe(true);
});

test("an allocation beyond 4 GB is refused with a message that says how much was asked for", () => {
  const memory = new LinearMemory(false);
  memory.open(0);
  expect(() => memory.allocate(5 * 2 ** 30)).toThrow(/cannot grow for another 5120.0 MB/);
});
