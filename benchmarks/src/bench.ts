// `pnpm bench [GLOB]`: micro-benchmarks of Saccade alone. For comparisons see peers.ts; these are for finding what changed.
import { dense, merge, openRuntime, tensor, type PartialResult, type Runtime, type Tensor } from "@saccade/core";
import { Bench } from "tinybench";
import { matchesAny } from "./glob.ts";
import { machineLine } from "./machine.ts";
import { gaussianLike } from "./measure/inputs.ts";
import { formatTable, short } from "./report.ts";

/** Short, since calls are many; raise it to look at one benchmark closely. */
const MILLISECONDS = 400;

const operand = (B: number, heads: number, length: number, width: number, seed: number): Tensor =>
  tensor(gaussianLike(B * heads * length * width, seed), { shape: [B, heads, length, width] });

interface Group {
  readonly name: string;
  add(bench: Bench): Promise<void> | void;
}

const denseGroup = (runtime: Runtime, threads: number): Group => ({
  name: `dense-${runtime.name}-${threads}t`,
  add: (bench) => {
    for (const [N, D] of [
      [128, 32],
      [512, 64],
      [1024, 64],
      [1024, 80],
      [1024, 128],
    ] as const) {
      for (const causal of [false, true]) {
        const attend = dense({ causal });
        const inputs = { q: operand(1, 8, N, D, 1), k: operand(1, 8, N, D, 2), v: operand(1, 8, N, D, 3) };
        bench.add(`forward H 8, N ${N}, D ${D}, ${causal ? "causal" : "full"}`, async () => {
          await attend.forward(inputs, { runtime, threads });
        });
      }
    }
  },
});

const decodeGroup = (runtime: Runtime, threads: number): Group => ({
  name: `decode-${runtime.name}-${threads}t`,
  add: (bench) => {
    for (const [length, G] of [
      [512, 8],
      [4096, 8],
      [4096, 2],
    ] as const) {
      const decoder = dense({ causal: true }).decoder({
        heads: 8,
        kvHeads: G,
        headDim: 64,
        capacity: length + 1,
        runtime,
        threads,
      });
      decoder.appendSync({
        q: operand(1, 8, length, 64, 1),
        k: operand(1, G, length, 64, 2),
        v: operand(1, G, length, 64, 3),
      });
      const step = { q: operand(1, 8, 1, 64, 4), k: operand(1, G, 1, 64, 5), v: operand(1, G, 1, 64, 6) };
      bench.add(`one step after ${length} tokens, H 8, G ${G}, D 64`, () => {
        decoder.appendSync(step);
        decoder.rewind(1);
      });
    }
  },
});

const layoutGroup = (runtime: Runtime): Group => ({
  name: `layout-${runtime.name}-1t`,
  add: (bench) => {
    for (const layout of ["bhnd", "bnhd"] as const) {
      const shape = layout === "bhnd" ? ([1, 8, 1024, 64] as const) : ([1, 1024, 8, 64] as const);
      const view = (seed: number): Tensor => tensor(gaussianLike(8 * 1024 * 64, seed), { shape, layout });
      const inputs = { q: view(1), k: view(2), v: view(3) };
      bench.add(`forward H 8, N 1024, D 64, ${layout}`, async () => {
        await dense().forward(inputs, { runtime, threads: 1 });
      });
    }
  },
});

const mergeGroup = (runtime: Runtime): Group => ({
  name: "merge",
  add: async (bench) => {
    for (const parts of [2, 7]) {
      const q = operand(1, 8, 512, 64, 1);
      const partials: PartialResult[] = [];
      for (let p = 0; p < parts; p++) {
        const inputs = { q, k: operand(1, 8, 64, 64, 10 + p), v: operand(1, 8, 64, 64, 20 + p) };
        partials.push(await dense().forward(inputs, { partial: true, runtime }));
      }
      bench.add(`${parts} partial results, H 8, N 512, E 64`, () => {
        merge(partials);
      });
    }
  },
});

const scheduleGroup: Group = {
  name: "schedule",
  add: (bench) => {
    for (const queries of [1024, 131_072, 1_048_576]) {
      for (const causal of [false, true]) {
        const attend = dense({ causal });
        bench.add(`plan N ${queries}, ${causal ? "causal" : "full"}`, () => {
          attend.plan({ heads: 8, queries, headDim: 64 });
        });
      }
    }
  },
};

const overheadGroup = (runtime: Runtime): Group => ({
  name: `overhead-${runtime.name}`,
  add: (bench) => {
    const data = new Float32Array(64);
    bench.add("tensor()", () => {
      tensor(data, { shape: [1, 1, 1, 64] });
    });
    const one = tensor(data, { shape: [1, 1, 1, 64] });
    const attend = dense();
    bench.add("forwardSync of one query and one key", () => {
      attend.forwardSync({ q: one, k: one, v: one }, { runtime });
    });
    bench.add("forward of one query and one key", async () => {
      await attend.forward({ q: one, k: one, v: one }, { runtime });
    });
  },
});

async function runGroup(group: Group): Promise<void> {
  const bench = new Bench({ time: MILLISECONDS, warmupTime: MILLISECONDS / 4 });
  await group.add(bench);
  await bench.run();
  const columns = [
    { heading: group.name },
    { heading: "median ms", right: true },
    { heading: "p99 ms", right: true },
    { heading: "calls", right: true },
  ];
  const rows = bench.tasks.map(({ name, result }) =>
    "latency" in result
      ? [name, short(result.latency.p50), short(result.latency.p99), String(result.latency.samplesCount)]
      : [name, "error" in result ? result.error.message : result.state, "", ""],
  );
  console.log(`\n${formatTable(columns, rows)}`);
}

/** Both fast runtimes, where they open. */
async function openAll(): Promise<Runtime[]> {
  const runtimes: Runtime[] = [];
  for (const name of ["native", "wasm"] as const) {
    try {
      runtimes.push(await openRuntime(name));
    } catch (error) {
      console.log(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return runtimes;
}

async function main(): Promise<void> {
  const chosen = process.argv.slice(2);
  if (chosen.includes("--help")) return console.log("pnpm bench [GLOB ...]   e.g. pnpm bench 'dense-*' merge");
  console.log(await machineLine());
  const runtimes = await openAll();
  const groups = [
    ...runtimes.flatMap((runtime) => {
      const all = runtime.info(2 ** 16).threads;
      const counts = all > 1 ? [1, all] : [1];
      return [
        ...counts.flatMap((threads) => [denseGroup(runtime, threads), decodeGroup(runtime, threads)]),
        layoutGroup(runtime),
        overheadGroup(runtime),
      ];
    }),
    ...runtimes.slice(0, 1).map(mergeGroup),
    scheduleGroup,
  ].filter(({ name }) => matchesAny(name, chosen));
  for (const group of groups) await runGroup(group);
  for (const runtime of runtimes) await runtime[Symbol.asyncDispose]();
}

await main();
