import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test, vi } from "vitest";
import { OUTCOME, type CallArguments } from "../src/index.ts";
import { addon, attend, best, built } from "./built.ts";
import { denseCall, K, OUT, Q, V } from "./dense-call.ts";

/**
 * A call that takes long enough to do something to it, with more than 32 MB in the array at `place`: memory of that size is
 * unmapped as soon as it is freed, and the next read faults.
 */
function longCall(place: typeof Q | typeof K | typeof V): [...CallArguments] {
  const [few, many] = [300, 140_000];
  return denseCall({ H: 1, N: place === Q ? many : few, M: place === Q ? few : many, D: 64, isa: best });
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Gives the memory of a buffer away and lets it be freed. */
const frees: Record<string, (buffer: ArrayBuffer) => void> = {
  "structuredClone and dropped": (buffer) => void structuredClone(buffer, { transfer: [buffer] }),
  "a port that nobody reads": (buffer) => {
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(buffer, [buffer]);
    port1.close();
    port2.close();
  },
  // Frees the old memory at once: the kernels are reading it.
  "transfer to a new length": (buffer) => void (buffer as { transfer?: (length: number) => unknown }).transfer?.(16),
};

describe.skipIf(!built)("an asynchronous call", () => {
  test("leaves the event loop alive", async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    // Without end for the loop: it is stopped when enough ticks came while it ran.
    const call = denseCall({ H: 8, N: 8192, D: 64, isa: best });
    let id = 0;
    const outcome = attend(call, (given) => (id = given));
    await vi.waitUntil(() => ticks >= 10, { timeout: 30_000, interval: 1 });
    clearInterval(timer);
    addon.cancel(id);
    expect(await outcome).toBe(OUTCOME.cancelled);
  });

  test("ends early when it is cancelled, and an unknown id does nothing", async () => {
    addon.cancel(123456);
    const call = denseCall({ H: 8, N: 8192, D: 64, isa: best });
    const outcome = attend(call, (id) => addon.cancel(id));
    expect(await outcome).toBe(OUTCOME.cancelled);
    expect(call[OUT].some((value) => Number.isNaN(value))).toBe(true);
    expect(addon.state().calls).toBe(0);
  });

  test("cancelled while others run ends without disturbing them", async () => {
    const expected = denseCall({ H: 2, N: 500, D: 32, isa: best });
    addon.attendSync(...expected);
    const calls = Array.from({ length: 12 }, () => denseCall({ H: 2, N: 500, D: 32, isa: best }));
    const outcomes = await Promise.all(
      calls.map((call, index) => attend(call, (id) => (index % 3 === 0 ? addon.cancel(id) : undefined))),
    );
    outcomes.forEach((outcome, index) => {
      if (index % 3 === 0) return;
      expect(outcome).toBe(OUTCOME.done);
      expect(calls[index]![OUT]).toEqual(expected[OUT]);
    });
  });

  test("does not wait for a longer one that came before it", async () => {
    let longId = 0;
    const first = attend(denseCall({ H: 8, N: 8192, D: 64, isa: best }), (id) => (longId = id));
    expect(await attend(denseCall({ H: 2, N: 64, D: 32, isa: best }))).toBe(OUTCOME.done);
    expect(addon.state().calls).toBe(1);
    addon.cancel(longId);
    expect(await first).toBe(OUTCOME.cancelled);
  });

  test.each(Object.keys(frees))(
    "whose inputs are transferred away by %s ends as vanished, and the process lives",
    async (how) => {
      for (const place of [Q, K, V] as const) {
        const call = longCall(place);
        const outcome = attend(call);
        await sleep(2);
        const buffer = call[place].buffer as ArrayBuffer;
        frees[how]!(buffer);
        if (buffer.byteLength > 0) continue; // this Node cannot do it
        for (let i = 0; i < 3; i++) collect();
        expect(await outcome).toBe(OUTCOME.vanished);
      }
      const call = denseCall({ H: 2, N: 64, D: 32, isa: best });
      expect(await attend(call)).toBe(OUTCOME.done);
    },
  );

  test("whose resizable input shrinks ends as vanished, and the process lives", async () => {
    const call = longCall(K);
    const resizable = new ArrayBuffer(call[K].byteLength, { maxByteLength: call[K].byteLength });
    const keys = new Float32Array(resizable);
    keys.set(call[K]);
    call[K] = keys;
    const outcome = attend(call);
    await sleep(2);
    resizable.resize(4);
    expect(await outcome).toBe(OUTCOME.vanished);
  });

  test("keeps its arrays from being collected", async () => {
    const expected = denseCall({ H: 2, N: 1000, D: 64, isa: best });
    addon.attendSync(...expected);
    const start = () => {
      const call = denseCall({ H: 2, N: 1000, D: 64, isa: best });
      return new Promise<Float32Array>((resolve) => void addon.attend(...call, () => resolve(call[OUT])));
    };
    const results = Array.from({ length: 6 }, start);
    collect();
    for (const result of results) expect(await result).toEqual(expected[OUT]);
  });
});

describe.skipIf(!built)("the addon", () => {
  test("keeps the scratch of its threads and gives back what calls held", async () => {
    const run = async (): Promise<number> => {
      await attend(denseCall({ H: 8, N: 8, M: 1024, D: 64, parts: 4, isa: best }));
      addon.attendSync(...denseCall({ H: 8, N: 8, M: 1024, D: 64, parts: 4, isa: best }));
      return addon.state().bytes;
    };
    await run();
    const before = await run();
    for (let i = 0; i < 20; i++) await run();
    const { bytes, threads } = addon.state();
    expect(bytes).toBe(before);
    expect(bytes).toBeLessThan((threads + 1) * (8 << 20));
  });
});
