import { dense, openRuntime, tensor, type Tensor } from "@saccade/core";
import { gatedDeltaNet } from "@saccade/linear";
import { gaussianLike } from "../measure/inputs.ts";
import { startPeak } from "../measure/resident-memory.ts";
import { median, ratioRange } from "../measure/statistics.ts";
import { short } from "../report.ts";
import { memoryPasses } from "../systems/read-bandwidth.ts";
import { atLeast, atMost, type Bar, type Measured } from "./bar.ts";
import { callOf, cut, packedTokens, VARIANTS } from "./linear-call.ts";
import { ortLinear, type LinearSizes } from "./ort-linear.ts";

const ROUNDS = 11;

async function timed(call: () => unknown): Promise<number> {
  const start = performance.now();
  await call();
  return performance.now() - start;
}

function ratio(mine: readonly number[], theirs: readonly number[], value: number, unit: string): Measured {
  const range = ratioRange(theirs, mine);
  const detail = `${short(median(mine))} and ${short(median(theirs))} ${unit}, single rounds ${short(range.min)} to ${short(range.max)}`;
  return { value, detail };
}

/** Turn by turn; the peer's least time counts, ours is the median. */
async function overOrt(name: string, sizes: LinearSizes): Promise<Measured> {
  const { rule, perChannel, run } = VARIANTS[name]!;
  const tokens = packedTokens(sizes, rule, perChannel);
  const peer = await ortLinear(rule, sizes, tokens, 1);
  await using runtime = await openRuntime("native", { threads: 1 });
  const call = callOf(sizes, tokens);
  const [mine, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round++) {
    const [a, b] = [await timed(() => run(call, runtime)), await timed(peer)];
    if (round === 0) continue;
    mine.push(a);
    theirs.push(b);
  }
  return ratio(mine, theirs, Math.min(...theirs) / median(mine), "ms");
}

const LONG = { H: 1, N: 1 << 20, D: 64 };

/** Time per token of calls of different lengths, one head; all go through the same tokens, so that none finds them in a cache. */
async function flat(): Promise<Measured> {
  await using runtime = await openRuntime("native", { threads: 1 });
  const all = callOf(LONG, packedTokens(LONG, "gated", true));
  const lengths = [4096, 65_536, LONG.N];
  const perToken: number[][] = lengths.map(() => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, N] of lengths.entries()) {
      const start = performance.now();
      for (let from = 0; from < LONG.N; from += N) {
        const call = cut(all, from, N);
        VARIANTS["gated"]!.run(call, runtime);
      }
      if (round > 0) perToken[i]!.push((1e6 * (performance.now() - start)) / LONG.N);
    }
  }
  const medians = perToken.map(median);
  const detail = lengths.map((N, i) => `N ${N} ${short(medians[i]!)} ns`).join(", ");
  return { value: Math.max(...medians) / Math.min(...medians), detail: `a token: ${detail}` };
}

/** By how much resident memory rises at its peak while 2^20 tokens pass. */
async function peakOfLongCall(): Promise<Measured> {
  await using runtime = await openRuntime("native", { threads: 2 });
  const call = callOf(LONG, packedTokens(LONG, "gated", true));
  // Pages of the output are real before.
  if (call.out.data instanceof Float32Array) call.out.data.fill(1);
  const peak = startPeak();
  const ms = await timed(() => VARIANTS["gated"]!.run(call, runtime));
  return { value: peak(), detail: `in ${short(ms)} ms` };
}

/** One head of 262144 tokens on two threads over one. */
async function threaded(name: "linear" | "gated"): Promise<Measured> {
  const { run, rule, perChannel } = VARIANTS[name]!;
  await using one = await openRuntime("native", { threads: 1 });
  await using two = await openRuntime("native", { threads: 2 });
  const sizes = { H: 1, N: 262_144, D: 64 };
  const call = callOf(sizes, packedTokens(sizes, rule, perChannel));
  const [alone, together]: [number[], number[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round++) {
    const [a, b] = [await timed(() => run(call, one)), await timed(() => run(call, two))];
    if (round === 0) continue;
    alone.push(a);
    together.push(b);
  }
  return ratio(together, alone, median(alone) / median(together), "ms");
}

/** A step of a batch whose states exceed the caches, over reading and writing as many bytes. */
async function stepBandwidth(): Promise<Measured> {
  const [batch, heads, width] = [64, 32, 128];
  const bytes = 4 * batch * heads * width * width;
  await using runtime = await openRuntime("native", { threads: 2 });
  await using decoder = gatedDeltaNet().decoder({ batch, heads, headDim: width, runtime });
  const rows = (columns: number, seed: number): Tensor =>
    tensor(gaussianLike(batch * heads * columns, seed), { shape: [batch, heads, 1, columns] });
  const k = rows(width, 2);
  for (const [i, x] of k.data instanceof Float32Array ? k.data.entries() : [])
    (k.data as Float32Array)[i] = x / Math.sqrt(width);
  const half = tensor(new Float32Array(batch * heads).fill(0.5), { shape: [batch, heads, 1, 1] });
  const weak = tensor(new Float32Array(batch * heads).fill(-0.1), { shape: [batch, heads, 1, 1] });
  const step = { q: rows(width, 1), k, v: rows(width, 3), decay: weak, beta: half };
  const memory = await memoryPasses(bytes, 2, true);
  const [mine, passes]: [number[], number[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round++) {
    const start = performance.now();
    decoder.appendSync(step);
    const ms = performance.now() - start;
    const pass = await memory.pass();
    if (round === 0) continue;
    mine.push(ms);
    passes.push(pass);
  }
  memory.close();
  return ratio(mine, passes, median(passes) / median(mine), `ms for ${short(bytes / 1e6)} MB`);
}

/** Operations a second of a linear attention over those of dense attention, in WebAssembly: the products that the rule needs alone. */
async function wasmShare(name: "linear" | "gated" | "delta", D: number): Promise<Measured> {
  const { run, rule, perChannel } = VARIANTS[name]!;
  await using runtime = await openRuntime("wasm", { threads: 1 });
  const sizes = { H: 8, N: 2048, D };
  const call = callOf(sizes, packedTokens(sizes, rule, perChannel));
  const few = callOf({ ...sizes, N: 1024 }, packedTokens({ ...sizes, N: 1024 }, "linear", false));
  const attend = dense();
  const rates: [number[], number[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round++) {
    const a = await timed(() => run(call, runtime));
    const b = await timed(() => attend.forwardSync(few.inputs, { runtime, out: few.out }));
    if (round === 0) continue;
    rates[0].push(((name === "delta" ? 6 : 4) * D * D * sizes.N * sizes.H) / a / 1e6);
    rates[1].push((4 * 1024 * 1024 * D * sizes.H) / b / 1e6);
  }
  return ratio(rates[1], rates[0], median(rates[0]) / median(rates[1]), "GFLOP/s");
}

const SIZES = (D: number): LinearSizes => ({ H: 8, N: 4096, D });

/** Linear attention against onnxruntime's, and against itself. */
export const linearBars: readonly Bar[] = [
  ...(
    [
      ["linear", 3.5, 3],
      ["gated", 3.5, 3],
      ["gated-head", 3.5, 3],
      ["delta", 2.5, 2],
      ["gated-delta", 2.5, 2],
    ] as const
  ).flatMap(([name, narrow, wide]) =>
    ([64, 128] as const).map((D) =>
      atLeast(
        D === 64 ? narrow : wide,
        `linear-native-1t-${name}-d${D}`,
        "over the best run of onnxruntime-node LinearAttention, H 8, N 4096, 1 thread",
        () => overOrt(name, SIZES(D)),
      ),
    ),
  ),
  atMost(
    1.1,
    "x",
    "linear-native-flat",
    "largest over least time per token, calls of 4096 to 1048576 tokens, 1 thread",
    flat,
  ),
  atMost(
    64,
    "MB",
    "linear-native-memory-n1048576",
    "beyond inputs and output, 1 head, D 64, 2 threads",
    peakOfLongCall,
  ),
  ...(["linear", "gated"] as const).map((name) =>
    atLeast(1.75, `linear-native-2t-over-1t-${name}`, "1 head, N 262144, 2 threads over 1", () => threaded(name)),
  ),
  atLeast(
    0.6,
    "linear-native-step",
    "of the bandwidth of updating memory, gated delta, 134 MB of states, 2 threads",
    stepBandwidth,
  ),
  ...(["linear", "gated", "delta"] as const).flatMap((name) =>
    [64, 128].map((D) =>
      atLeast(0.6, `linear-wasm-1t-${name}-d${D}`, "of the rate of dense attention, 1 thread", () =>
        wasmShare(name, D),
      ),
    ),
  ),
];
