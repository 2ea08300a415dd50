// A fresh process: how long the first schedule of a mask over a million tokens takes. The argument names the mask.
import type { Mask } from "@saccade/core";
import { documentStarts } from "../measure/documents.ts";

const TOKENS = 2 ** 20;
const { mask, maskSchedule } = await import("@saccade/core");
const document = documentStarts(TOKENS, 1000);

function chosen(name: string | undefined): Mask {
  switch (name) {
    case "window":
      return mask`k <= q && q - k < 1024`;
    case "sinks":
      return mask`k <= q && (q - k < 1024 || k < 4)`;
    case "documents":
      return mask`k <= q && ${document}[q] == ${document}[k]`;
    default:
      throw new Error(`no mask ${name}`);
  }
}

const shape = { batch: 1, heads: 1, kvHeads: 1, queries: TOKENS, keys: TOKENS, headDim: 64, valueDim: 64 };
const at = { queryOffset: Int32Array.of(0), keyLength: Int32Array.of(TOKENS) };
const heapBefore = process.memoryUsage();
const start = performance.now();
const schedule = maskSchedule(shape, at, chosen(process.argv[2]), false);
const ms = performance.now() - start;
const after = process.memoryUsage();
const bytes = schedule.lists.reduce((sum, { tasks, blocks }) => sum + tasks.byteLength + blocks.byteLength, 0);
const tasks = schedule.lists.reduce((sum, list) => sum + list.blocks.at(-1)!, 0);
const grown = after.heapUsed + after.arrayBuffers - heapBefore.heapUsed - heapBefore.arrayBuffers;
process.stdout.write(JSON.stringify({ ms, tasks, bytes, grown }));
