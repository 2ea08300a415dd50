import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const folder = fileURLToPath(new URL("../..", import.meta.url));

/** Bytes that a map of one query and a million keys takes in a process of its own, beyond the inputs, and the sum of its weights. */
async function measured(attention: string): Promise<{ extra: number; sum: number }> {
  const script = `
    const { dense, score, tensor } = await import("@saccade/core");
    const { topKBlocks } = await import("@saccade/block-sparse");
    const { attentionMap } = await import("./src/index.ts");
    const keys = 2 ** 20;
    const numbers = (length) => {
      const data = new Float32Array(length);
      for (let i = 0, state = 1; i < length; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        data[i] = state / 2 ** 31 - 1;
      }
      return data;
    };
    const call = (count) => {
      const k = tensor(numbers(count * 64), { shape: [1, 1, count, 64] });
      return { q: tensor(numbers(64), { shape: [1, 1, 1, 64] }), k, v: k };
    };
    const attention = ${attention};
    await attentionMap(attention, call(20000), { queries: [0] });
    const inputs = call(keys);
    globalThis.gc();
    const before = process.memoryUsage.rss();
    const { weights } = await attentionMap(attention, inputs, { queries: [0] });
    const after = process.resourceUsage().maxRSS * 1024;
    const sum = weights.reduce((total, weight) => total + weight, 0);
    console.log(JSON.stringify({ extra: after - before - weights.byteLength, sum }));
  `;
  const args = ["--expose-gc", "--conditions=@saccade/source", "--input-type=module", "--eval", script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
  return JSON.parse(stdout) as { extra: number; sum: number };
}

describe("a map of one query and 1048576 keys", () => {
  it.each(["dense({ causal: true })", "dense({ score: score`s - 0.001 * (q - k)` })"])(
    "takes little beyond its weights: %s",
    async (attention) => {
      const { extra, sum } = await measured(attention);
      expect(extra).toBeLessThan(16 * 2 ** 20);
      expect(sum).toBeCloseTo(1, 4);
    },
  );

  it("takes the means of blocks where queries select", async () => {
    const { extra, sum } = await measured("topKBlocks({ blockSize: 64, topK: 8 })");
    expect(extra).toBeLessThan(32 * 2 ** 20);
    expect(sum).toBeCloseTo(1, 4);
  });
});
