import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { openRuntime, tensor, type Tensor } from "@saccade/core";
import { loadNative, type NativeAddon } from "@saccade/native";
import { describe, expect, it } from "vitest";
import { candidate, predictMemory } from "../src/index.ts";

const SHAPE = { heads: 8, kvHeads: 2, queries: 8192, headDim: 64 };
/** Arrays of the test's own surroundings that come and go. */
const SURROUNDINGS = 256 * 1024;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What allocators count, where resident memory is rounded to pages and holds what was freed: bytes of arrays in use. */
async function arraysInUse(): Promise<number> {
  // What a test before this one used is let go of in a turn of its own.
  for (let turn = 0; turn < 3; turn++) {
    await setImmediate();
    collect();
  }
  return process.memoryUsage().arrayBuffers;
}

const heads = (count: number): Tensor =>
  tensor(new Float32Array(count * SHAPE.queries * SHAPE.headDim).fill(0.1), {
    shape: [1, count, SHAPE.queries, SHAPE.headDim],
  });

function addon(): NativeAddon | undefined {
  try {
    return loadNative();
  } catch {
    return undefined;
  }
}

describe.runIf(addon() !== undefined)("predicted memory, counted by the allocators", () => {
  it.each(["dense", "window:1024:sinks=4", "chunk:4096", "big-bird", "linear", "retention", "top-k-blocks:64"])(
    "%s holds its inputs and its output, to the byte, and no more scratch than the plan says",
    async (id) => {
      const variant = candidate(id);
      await using runtime = await openRuntime("native", { threads: 2 });
      const before = await arraysInUse();
      const tokens = { q: heads(SHAPE.heads), k: heads(SHAPE.kvHeads), v: heads(SHAPE.kvHeads) };
      const { out } = await variant.forward(tokens, { runtime, threads: 2 });
      const held = (await arraysInUse()) - before;
      // Used after the count, so that nothing was collected before it.
      const bytes = [tokens.q, tokens.k, tokens.v, out].map(({ data }) => (data as Float32Array).byteLength);
      const machine = { runtimeBytes: 0, runtime: "native" } as const;
      const predicted = predictMemory(variant, { ...SHAPE, runtime, threads: 2 }, "prefill", machine);
      expect(predicted.inputBytes + predicted.outputBytes).toBe(bytes.reduce((sum, each) => sum + each));
      expect(Math.abs(held - predicted.inputBytes - predicted.outputBytes)).toBeLessThan(SURROUNDINGS);
      // The addon keeps the scratch of its threads. What it packs of a recurrence is no part of the plan.
      expect(addon()!.state().bytes).toBeLessThanOrEqual(predicted.workspaceBytes + 2 ** 20);
    },
  );

  it.each(["dense", "window:1024:sinks=4", "retention"])(
    "a decoder of %s holds the cache that is predicted",
    async (id) => {
      const variant = candidate(id);
      await using runtime = await openRuntime("native", { threads: 2 });
      const before = await arraysInUse();
      const { heads: queryHeads, kvHeads, headDim, queries } = SHAPE;
      await using decoder = variant.decoder({ heads: queryHeads, kvHeads, headDim, capacity: queries, runtime });
      const step = (count: number): Tensor =>
        tensor(new Float32Array(count * headDim).fill(0.1), { shape: [1, count, 1, headDim] });
      await decoder.append({ q: step(queryHeads), k: step(kvHeads), v: step(kvHeads) });
      const held = (await arraysInUse()) - before;
      const machine = { runtimeBytes: 0, runtime: "native" } as const;
      const { cacheBytes } = predictMemory(variant, { ...SHAPE, runtime }, "decode", machine);
      expect(decoder.cacheBytes).toBe(cacheBytes);
      expect(Math.abs(held - cacheBytes)).toBeLessThan(SURROUNDINGS);
    },
  );
});
