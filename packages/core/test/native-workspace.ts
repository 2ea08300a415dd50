// Prints the workspace that the native runtime states for a call on one thread, and what the addon holds after that call.
// In a process of its own, because the addon keeps its workspace from call to call.
import { makeJob, type SoftmaxVariant } from "../src/job.ts";
import { loadAddon } from "../src/runtime/native/addon.ts";
import { openNative } from "../src/runtime/native.ts";
import { bandSchedule } from "../src/schedule/band-schedule.ts";
import { UNBOUNDED } from "../src/schedule/reach.ts";
import { biasTensor, maskTensor, tensor } from "../src/tensor.ts";

const inputs = (queries: number, keys = queries) => {
  const view = (length: number) => tensor(new Float32Array(4 * length * 32), { shape: [1, 4, length, 32] });
  return { q: view(queries), k: view(keys), v: view(keys) };
};

const calls = {
  "a prefill": () => inputs(700),
  "a step against a long cache": () => inputs(1, 9000),
  "a biased call": () => ({ ...inputs(40), bias: biasTensor(new Float32Array(40), { shape: [1, 1, 1, 40] }) }),
  "a masked call": () => ({ ...inputs(40), mask: maskTensor(new Uint8Array(40).fill(1), { shape: [1, 1, 1, 40] }) }),
};

const variant = {
  name: "dense",
  selection: "static",
  visibility: { reach: UNBOUNDED, mask: undefined },
  scale: undefined,
  softcap: 0,
  learnedSinks: undefined,
  schedule: (shape, at, pairTerms) => bandSchedule(shape, at, UNBOUNDED, pairTerms),
} satisfies SoftmaxVariant;

const runtime = openNative();
const job = makeJob("workspace", variant, calls[process.argv[2] as keyof typeof calls](), undefined);
runtime.attendSync(job, { threads: 1 });
console.log(JSON.stringify({ stated: runtime.workspaceBytes(job, 1), held: loadAddon().addon.state().bytes }));
