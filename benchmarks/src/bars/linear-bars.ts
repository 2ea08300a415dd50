import { openRuntime, tensor, type Runtime, type Tensor } from "@saccade/core";
import { deltaNet, gated, gatedDeltaNet, identity, linear, scalarGated } from "@saccade/linear";
import { gaussianLike, headsFirst } from "../measure/inputs.ts";
import { median, ratioRange } from "../measure/statistics.ts";
import { short } from "../report.ts";
import { memoryPasses } from "../systems/read-bandwidth.ts";
import { atLeast, atMost, type Bar, type Measured } from "./bar.ts";
import { ortLinear, type LinearSizes, type PackedTokens, type UpdateRule } from "./ort-linear.ts";

const ROUNDS = 11;

/** Tokens of all that a variant may read, keys of length 1, heads innermost as the peer has them. */
function packedTokens({ H, N, D }: LinearSizes, rule: UpdateRule, perChannel: boolean): PackedTokens {
  const k = gaussianLike(N * H * D, 2);
  for (let row = 0; row < k.length; row += D) {
    const length = Math.hypot(...k.subarray(row, row + D));
    for (let d = row; d < row + D; d++) k[d]! /= length;
  }
  const uniform = (count: number, seed: number): Float32Array =>
    gaussianLike(count, seed).map((x) => 1 / (1 + Math.exp(-x)));
  const gates = rule.startsWith("gated");
  return {
    q: gaussianLike(N * H * D, 1),
    k,
    v: gaussianLike(N * H * D, 3),
    decay: gates ? uniform(N * H * (perChannel ? D : 1), 4).map((x) => -x / 4) : undefined,
    beta: rule.endsWith("delta") ? uniform(N * H, 5) : undefined,
  };
}

interface Call {
  readonly inputs: Readonly<Record<"q" | "k" | "v" | "decay" | "beta", Tensor>>;
  /** Written again and again, as the peer's arena is: a fresh array costs as much as half a call. */
  readonly out: Tensor;
}

/** The same tokens with heads outermost, which is our own layout. */
function callOf({ H, N, D }: LinearSizes, { q, k, v, decay, beta }: PackedTokens): Call {
  const view = (data: Float32Array, width: number): Tensor =>
    tensor(headsFirst(data, 1, N, H, width), { shape: [1, H, N, width] });
  const none = new Float32Array(N * H);
  return {
    inputs: {
      q: view(q, D),
      k: view(k, D),
      v: view(v, D),
      decay: view(decay ?? none, (decay ?? none).length / N / H),
      beta: view(beta ?? none, 1),
    },
    out: tensor(new Float32Array(N * H * D), { shape: [1, H, N, D] }),
  };
}

type Run = (call: Call, runtime: Runtime) => unknown;

const plain = linear({ map: identity(), normalise: false, scale: 1 / 8 });
const [gate, headGate, delta, gatedDelta] = [gated(), scalarGated(), deltaNet(), gatedDeltaNet()];

const VARIANTS: Readonly<
  Record<string, { readonly rule: UpdateRule; readonly perChannel: boolean; readonly run: Run }>
> = {
  linear: {
    rule: "linear",
    perChannel: false,
    run: (x, runtime) => plain.forwardSync(x.inputs, { runtime, out: x.out }),
  },
  gated: { rule: "gated", perChannel: true, run: (x, runtime) => gate.forwardSync(x.inputs, { runtime, out: x.out }) },
  "gated-head": {
    rule: "gated",
    perChannel: false,
    run: (x, runtime) => headGate.forwardSync(x.inputs, { runtime, out: x.out }),
  },
  delta: {
    rule: "delta",
    perChannel: false,
    run: (x, runtime) => delta.forwardSync(x.inputs, { runtime, out: x.out }),
  },
  "gated-delta": {
    rule: "gated_delta",
    perChannel: false,
    run: (x, runtime) => gatedDelta.forwardSync(x.inputs, { runtime, out: x.out }),
  },
};

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

/** Time per token of 2^20 tokens over that of 4096, one head. */
async function flat(): Promise<Measured> {
  await using runtime = await openRuntime("native", { threads: 1 });
  const lengths = [4096, 65_536, 1 << 20];
  const perToken = await lengths.reduce(async (before, N) => {
    const done = await before;
    const sizes = { H: 1, N, D: 64 };
    const call = callOf(sizes, packedTokens(sizes, "gated", true));
    const times: number[] = [];
    const rounds = Math.max(5, Math.ceil((1 << 18) / N));
    for (let round = 0; round <= rounds; round++) {
      const ms = await timed(() => gate.forwardSync(call.inputs, { runtime, out: call.out }));
      if (round > 0) times.push((1e6 * ms) / N);
    }
    return [...done, median(times)];
  }, Promise.resolve<number[]>([]));
  const detail = lengths.map((N, i) => `N ${N} ${short(perToken[i]!)} ns`).join(", ");
  return { value: Math.max(...perToken) / Math.min(...perToken), detail: `a token: ${detail}` };
}

/** One head of 262144 tokens on two threads over one. */
async function threaded(): Promise<Measured> {
  await using one = await openRuntime("native", { threads: 1 });
  await using two = await openRuntime("native", { threads: 2 });
  const sizes = { H: 1, N: 262_144, D: 64 };
  const call = callOf(sizes, packedTokens(sizes, "gated", true));
  const [alone, together]: [number[], number[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round++) {
    const [a, b] = [
      await timed(() => gate.forwardSync(call.inputs, { runtime: one, out: call.out })),
      await timed(() => gate.forwardSync(call.inputs, { runtime: two, out: call.out })),
    ];
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
  await using decoder = gatedDelta.decoder({ batch, heads, headDim: width, runtime });
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
  atMost(1.1, "x", "linear-native-flat", "largest over least time per token, N 4096 to 1048576, 1 thread", flat),
  atLeast(1.75, "linear-native-2t-over-1t", "1 head, N 262144, gated", threaded),
  atLeast(
    0.6,
    "linear-native-step",
    "of the bandwidth of updating memory, gated delta, 134 MB of states, 2 threads",
    stepBandwidth,
  ),
];
