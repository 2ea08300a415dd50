import { dense, openRuntime, type Runtime, tensor } from "@saccade/core";
import { readBandwidth } from "./read-bandwidth.ts";

/** What the process that measures a machine is asked. */
export interface MachineJob {
  readonly kind: "machine";
  readonly runtime: "auto" | "native" | "wasm" | "reference";
  readonly threads: number | undefined;
}

export interface MachinePeaks {
  readonly peakGflops: number;
  readonly peakGflopsOneThread: number;
  readonly readGBs: number;
}

/** Keys and values of a head are 512 KiB or 1 MiB, which second-level caches hold. Kernels differ in which width suits them best. */
const SHAPES = [
  { heads: 16, queries: 512, headDim: 128 },
  { heads: 8, queries: 2048, headDim: 64 },
] as const;
const MEASURE_MS = 400;
/** WebAssembly is compiled again, faster, while the first calls run. */
const FEWEST = 5;

/** What this machine reaches at best: dense attention in its caches, and a long read. About three seconds. */
export async function measureMachine({ runtime: name, threads }: MachineJob): Promise<MachinePeaks> {
  await using runtime = await openRuntime(name, { threads });
  return {
    peakGflops: await mostGflops(runtime, threads),
    peakGflopsOneThread: await mostGflops(runtime, 1),
    readGBs: await readBandwidth(threads),
  };
}

async function mostGflops(runtime: Runtime, threads: number | undefined): Promise<number> {
  let most = 0;
  for (const shape of SHAPES) most = Math.max(most, await denseGflops(runtime, threads, shape));
  return most;
}

async function denseGflops(
  runtime: Runtime,
  threads: number | undefined,
  { heads, queries, headDim }: (typeof SHAPES)[number],
): Promise<number> {
  const full = dense();
  const view = (seed: number) =>
    tensor(numbers(heads * queries * headDim, seed), { shape: [1, heads, queries, headDim] });
  const tokens = { q: view(1), k: view(2), v: view(3), out: view(4) };
  const { flops } = full.plan({ heads, queries, headDim });
  let best = Infinity;
  for (let spent = 0, calls = 0; spent < MEASURE_MS || calls < FEWEST; calls++) {
    const start = performance.now();
    await full.forward(tokens, { out: tokens.out, runtime, threads });
    const duration = performance.now() - start;
    spent += duration;
    best = Math.min(best, duration);
  }
  return flops / best / 1e6;
}

/** Of no interest, but none of them the same or too small. */
function numbers(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(seed * (i + 1)));
}
