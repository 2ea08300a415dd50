import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RandomNumbers } from "../../../test/random-numbers.ts";
import { sameBits } from "../../../test/same-bits.ts";
import { dense } from "../../dense.ts";
import { checkCall } from "../../job.ts";
import { referenceRow } from "../../reference.ts";
import { biasTensor, maskTensor, tensor, type Layout, type Tensor } from "../../tensor.ts";
import type { OpenOptions, Runtime } from "../runtime.ts";
import { openWasm, openWasmSync } from "./open.ts";
import { workerSource } from "./worker-source.ts";

const MB = 2 ** 20;
const random = new RandomNumbers(7);

interface Sizes {
  batch?: number;
  heads: number;
  kvHeads?: number;
  queries: number;
  keys?: number;
  headDim?: number;
  valueDim?: number;
  layout?: Layout;
}

/** Cheap numbers: making normal ones would take longer than attention over them. */
function numbers(length: number): Float32Array {
  const values = new Float32Array(length);
  const pool = random.normal(Math.min(length, 4099));
  for (let i = 0; i < length; i++) values[i] = pool[(i * 7 + (i >> 12)) % pool.length]!;
  return values;
}

function inputs({
  batch = 1,
  heads,
  kvHeads = heads,
  queries,
  keys = queries,
  headDim = 64,
  valueDim = headDim,
  layout = "bhnd",
}: Sizes) {
  const view = (h: number, n: number, width: number): Tensor => {
    const shape = layout === "bhnd" ? ([batch, h, n, width] as const) : ([batch, n, h, width] as const);
    return tensor(numbers(batch * h * n * width), { shape, layout });
  };
  return { q: view(heads, queries, headDim), k: view(kvHeads, keys, headDim), v: view(kvHeads, keys, valueDim) };
}

function floats(view: Tensor): Float32Array {
  return view.data as Float32Array;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  }
  return most;
}

let one: Runtime;
let two: Runtime;

/** Opens a runtime and has its workers started by work that waits for them. */
async function started(options: OpenOptions): Promise<Runtime> {
  const runtime = await openWasm(options);
  const big = inputs({ heads: 1, queries: 2048, headDim: 64 });
  const { threads } = await dense().forward(big, { runtime });
  expect(threads).toBe(options.threads);
  return runtime;
}

beforeAll(async () => {
  one = await openWasm({ threads: 1 });
  two = await started({ threads: 2 });
});

afterAll(async () => {
  await one[Symbol.asyncDispose]();
  await two[Symbol.asyncDispose]();
});

describe("streaming", () => {
  test.each<[string, Sizes]>([
    ["many panels of keys", { heads: 2, kvHeads: 1, queries: 70, keys: 9000 }],
    ["many panels of keys, heads inside", { batch: 2, heads: 4, kvHeads: 2, queries: 70, keys: 5000, layout: "bnhd" }],
    ["one row against many panels", { heads: 3, queries: 1, keys: 20_000 }],
    ["D differs from E", { heads: 2, queries: 200, keys: 3000, headDim: 96, valueDim: 40 }],
    ["several waves of heads", { batch: 3, heads: 8, kvHeads: 4, queries: 600, keys: 600, headDim: 128 }],
  ])("gives what float64 gives within rounding: %s", async (_, sizes) => {
    for (const causal of [false, true]) {
      const given = inputs(sizes);
      const { out, lse } = await dense({ causal }).forward(given, { runtime: two, lse: true });
      const visibility = { reach: { ahead: causal ? 0 : Infinity, back: Infinity }, mask: undefined };
      const variant = { visibility, scale: undefined, softcap: 0, learnedSinks: undefined };
      const job = checkCall("test", variant, given, false);
      const { h, n, b } = out.strides;
      let most = 0;
      for (let row = 0; row < lse.length; row += Math.ceil(lse.length / 40)) {
        const [i, head] = [row % out.length, Math.floor(row / out.length)];
        const at = Math.floor(head / out.heads) * b + (head % out.heads) * h + i * n;
        const exact = new Float64Array(out.width);
        most = Math.max(most, Math.abs(lse[row]! - referenceRow(job, row, exact)));
        most = Math.max(most, largestDifference(floats(out).subarray(at, at + out.width), exact));
      }
      expect(most).toBeLessThan(1e-5);
    }
  });

  test("waves of some rows of one head give what a call with only some of these rows gives", async () => {
    const given = inputs({ heads: 1, queries: 40_000, keys: 2000, headDim: 32 });
    const { out } = await dense().forward(given, { runtime: one });
    for (const [from, rows] of [
      [0, 500],
      [19_800, 400],
      [39_999, 1],
    ] as const) {
      const q = tensor(floats(given.q), { shape: [1, 1, rows, 32], offset: from * 32 });
      const some = await dense().forward({ ...given, q }, { runtime: one });
      const same = floats(out).subarray(from * 32, (from + rows) * 32);
      expect(largestDifference(floats(some.out), same)).toBeLessThan(1e-6);
    }
  });

  test("a bias and a mask that do not fit at once stream with the keys", async () => {
    const [heads, queries, keys] = [2, 1500, 2600];
    const given = inputs({ heads, queries, keys, headDim: 64 });
    const bias = biasTensor(numbers(heads * queries * keys), { shape: [1, heads, queries, keys] });
    const hide = Uint8Array.from({ length: queries * keys }, (_, i) => ((i * 31) % 17 < 9 ? 1 : 0));
    const mask = maskTensor(hide, { shape: [1, 1, queries, keys] });
    const attention = dense();
    const whole = await attention.forward({ ...given, bias, mask }, { runtime: two, lse: true });
    const rows = [0, 191, 192, 777, 1499];
    for (const row of rows) {
      const q = tensor(floats(given.q), {
        shape: [1, heads, 1, 64],
        offset: row * 64,
        strides: { b: 0, h: queries * 64, n: 64 },
      });
      const rowBias = biasTensor(
        Float32Array.from(
          { length: heads * keys },
          (_, i) => bias.data[(Math.floor(i / keys) * queries + row) * keys + (i % keys)]!,
        ),
        { shape: [1, heads, 1, keys] },
      );
      const rowMask = maskTensor(hide.subarray(row * keys, (row + 1) * keys), { shape: [1, 1, 1, keys] });
      const exact = attention.reference({ ...given, q, bias: rowBias, mask: rowMask });
      for (let h = 0; h < heads; h++) {
        const at = (h * queries + row) * 64;
        const expected = exact.out.subarray(h * 64, (h + 1) * 64);
        expect(largestDifference(floats(whole.out).subarray(at, at + 64), expected)).toBeLessThan(1e-5);
        expect(Math.abs(whole.lse[h * queries + row]! - exact.lse[h]!)).toBeLessThan(1e-5);
      }
    }
  });

  test("keys and values in the runtime's own memory give what copied ones give", async () => {
    const sizes = { batch: 2, heads: 4, kvHeads: 2, queries: 300, keys: 5000, headDim: 64 };
    const given = inputs(sizes);
    const own = (view: Tensor): Tensor => {
      const buffer = two.allocate(floats(view).length);
      buffer.floats().set(floats(view));
      return { ...view, data: buffer };
    };
    const resident = { q: own(given.q), k: own(given.k), v: own(given.v) };
    for (const queries of [300, 2]) {
      const shape = [2, 4, queries, 64] as const;
      const strides = given.q.strides;
      const q = tensor(floats(given.q), { shape, strides });
      const copied = await dense({ causal: true }).forward({ ...given, q }, { runtime: two });
      const target = tensor(two.allocate(2 * 4 * queries * 64), { shape });
      const ownQ = tensor(resident.q.data, { shape, strides });
      await dense({ causal: true }).forward({ ...resident, q: ownQ }, { runtime: two, out: target });
      if (target.data instanceof Float32Array) throw new Error("unreachable");
      expect(largestDifference(target.data.floats(), floats(copied.out))).toBeLessThan(1e-6);
      target.data.free();
    }
  });

  test("linear memory stays below 48 MB at 65536 queries", async () => {
    const runtime = await openWasm({ threads: 2 });
    const bytes = (): number => {
      const buffer = runtime.allocate(1);
      const { byteLength } = buffer.floats().buffer;
      buffer.free();
      return byteLength;
    };
    // A few keys: the time of a test, the waves of a long call.
    await dense().forward(inputs({ heads: 2, queries: 65_536, keys: 512, headDim: 64 }), { runtime });
    // All keys, with waves that keep more than one state in flight, cut short.
    const abort = new AbortController();
    const call = dense({ causal: true }).forward(inputs({ heads: 1, queries: 65_536, headDim: 64 }), {
      runtime,
      signal: abort.signal,
    });
    setTimeout(() => abort.abort(new Error("enough")), 200);
    await expect(call).rejects.toThrow("enough");
    expect(bytes() / MB).toBeLessThan(48);
    await runtime[Symbol.asyncDispose]();
  });
});

describe("threads", () => {
  test("1, 2 and 3 threads give the same bits", async () => {
    const three = await started({ threads: 3 });
    for (const sizes of [
      { heads: 4, kvHeads: 2, queries: 1000, keys: 3000 },
      { heads: 16, kvHeads: 2, queries: 2, keys: 40_000, headDim: 64 },
      { batch: 5, heads: 12, queries: 512, headDim: 32, layout: "bnhd" as const },
    ]) {
      const given = inputs(sizes);
      const results = [];
      for (const runtime of [one, two, three]) {
        results.push(await dense({ causal: true }).forward(given, { runtime, lse: true }));
      }
      expect(results.map((result) => result.threads)).toEqual([1, 2, 3]);
      const fewer = await dense({ causal: true }).forward(given, { runtime: three, threads: 2, lse: true });
      expect(fewer.threads).toBe(2);
      for (const result of [...results, fewer]) {
        expect(sameBits(floats(result.out), floats(results[0]!.out))).toBe(true);
        expect(sameBits(result.lse, results[0]!.lse)).toBe(true);
      }
    }
    await three[Symbol.asyncDispose]();
  });

  test("a synchronous call shares its work with idle workers, with the same bits", () => {
    const given = inputs({ heads: 8, queries: 700, keys: 1500 });
    const alone = dense().forwardSync(given, { runtime: one });
    const shared = dense().forwardSync(given, { runtime: two });
    expect([alone.threads, shared.threads]).toEqual([1, 2]);
    expect(sameBits(floats(alone.out), floats(shared.out))).toBe(true);
  });

  test("calls that are made at once run one after the other, and a synchronous one in between", async () => {
    const given = inputs({ heads: 4, queries: 1500 });
    const expected = await dense().forward(given, { runtime: one });
    const calls = [1, 2, 3].map(() => dense().forward(given, { runtime: two }));
    const between = dense().forwardSync(inputs({ heads: 1, queries: 30 }), { runtime: two });
    expect(between.threads).toBe(1);
    for (const { out } of await Promise.all(calls)) expect(sameBits(floats(out), floats(expected.out))).toBe(true);
  });

  test("small work stays on the calling thread, and says so", async () => {
    const { threads, notTaken } = await dense().forward(inputs({ heads: 1, queries: 16 }), { runtime: two });
    expect(threads).toBe(1);
    expect(notTaken).toContain("more threads: the work is small");
  });

  test("a worker that dies rejects the call, and the next call starts new workers", async () => {
    const made: Worker[] = [];
    const workerFactory = (): Worker => {
      const worker = new Worker(workerSource, { eval: true, execArgv: [] });
      made.push(worker);
      return worker;
    };
    const runtime = await started({ threads: 2, workerFactory });
    const given = inputs({ heads: 2, queries: 8192 });
    const doomed = dense().forward(given, { runtime });
    setTimeout(() => void made[1]!.terminate(), 50);
    await expect(doomed).rejects.toThrow(/a worker thread ended during the call/);
    const small = inputs({ heads: 2, queries: 2048 });
    const after = await dense().forward(small, { runtime });
    expect(after.threads).toBe(2);
    expect(made.length).toBe(4);
    const expected = await dense().forward(small, { runtime: one });
    expect(sameBits(floats(after.out), floats(expected.out))).toBe(true);

    // One that dies between calls is noticed too.
    await Promise.all([once(made[2]!, "exit"), made[2]!.terminate()]);
    expect((await dense().forward(small, { runtime })).threads).toBe(2);
    await runtime[Symbol.asyncDispose]();
  });

  test("workers that cannot be started leave one thread, and the result says why", async () => {
    const runtime = await openWasm({
      threads: 2,
      workerFactory: () => new Worker("throw new Error('not today')", { eval: true }),
    });
    const given = inputs({ heads: 1, queries: 2048 });
    const { threads, notTaken } = await dense().forward(given, { runtime });
    expect(threads).toBe(1);
    expect(notTaken).toContain("more threads: workers cannot be started: not today");
    await runtime[Symbol.asyncDispose]();
  });

  test("results are the same where Atomics.waitAsync is missing", async () => {
    const { waitAsync } = Atomics;
    try {
      Object.assign(Atomics, { waitAsync: undefined });
      const runtime = await started({ threads: 2 });
      const given = inputs({ heads: 2, queries: 1500, keys: 2500 });
      const { out, threads } = await dense().forward(given, { runtime });
      const expected = await dense().forward(given, { runtime: one });
      expect(threads).toBe(2);
      expect(sameBits(floats(out), floats(expected.out))).toBe(true);
      await runtime[Symbol.asyncDispose]();
    } finally {
      Object.assign(Atomics, { waitAsync });
    }
  });
});

describe("a long call", () => {
  test.each([1, 2])("rejects with the signal's reason soon after it is aborted, with %i threads", async (threads) => {
    const runtime = threads === 1 ? one : two;
    const given = inputs({ heads: 4, queries: 16_384 });
    const abort = new AbortController();
    const start = performance.now();
    const call = dense().forward(given, { runtime, signal: abort.signal });
    const waiting = dense().forward(given, { runtime, signal: abort.signal });
    setTimeout(() => abort.abort("enough"), 50);
    const enough = { status: "rejected", reason: "enough" };
    expect(await Promise.allSettled([call, waiting])).toEqual([enough, enough]);
    const aborted = performance.now() - start;
    // The runtime is free again, and its memory whole.
    const small = inputs({ heads: 1, queries: 1000 });
    const { out } = await dense().forward(small, { runtime });
    expect(largestDifference(floats(out), dense().reference(small).out)).toBeLessThan(1e-5);
    // The whole call would take several seconds.
    expect(aborted).toBeLessThan(1500);
  });

  test("gives the event loop its turns without threads", async () => {
    let turns = 0;
    let running = true;
    const count = (): void => {
      turns++;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    const start = performance.now();
    await dense().forward(inputs({ heads: 4, queries: 3000 }), { runtime: one });
    running = false;
    const elapsed = performance.now() - start;
    // Every 16 ms on a machine of its own; tests share theirs.
    expect(turns).toBeGreaterThan(elapsed / 64);
  });

  test("rejects when an input is transferred meanwhile", async () => {
    const given = inputs({ heads: 1, queries: 6000, keys: 12_000 });
    const call = dense().forward(given, { runtime: two });
    structuredClone(given.k.data, { transfer: [floats(given.k).buffer as ArrayBuffer] });
    await expect(call).rejects.toThrow(/k needs \d+ floats, but its array is empty or its buffer was transferred/);
  });
});

describe("opening", () => {
  test("takes the module of a caller, for either kind of memory", async () => {
    const given = inputs({ heads: 1, queries: 100 });
    const expected = await dense().forward(given, { runtime: one });
    for (const [name, shared] of [
      ["relaxed-simd", false],
      ["relaxed-simd-shared", true],
    ] as const) {
      const { readFile } = await import("node:fs/promises");
      const { createRequire } = await import("node:module");
      const file = createRequire(import.meta.url).resolve(`@saccade/kernels/${name}.wasm`);
      const module = await WebAssembly.compile(await readFile(file));
      const runtime = await openWasm({ module, threads: 2 });
      expect(runtime.info(2).threads).toBe(shared ? 2 : 1);
      expect(runtime.info(2).notTaken.length).toBe(shared ? 0 : 1);
      const { out } = await dense().forward(given, { runtime });
      expect(sameBits(floats(out), floats(expected.out))).toBe(true);
    }
  });

  test("without waiting gives the same", () => {
    const given = inputs({ heads: 2, queries: 100 });
    const runtime = openWasmSync({ instructionSet: "simd128", threads: 1 });
    const { out, instructionSet, notTaken } = dense().forwardSync(given, { runtime });
    expect(instructionSet).toBe("simd128");
    expect(notTaken).toEqual(["relaxed-simd: simd128 was asked for"]);
    expect(largestDifference(floats(out), dense().reference(given).out)).toBeLessThan(1e-5);
  });

  test("refuses what is not there", async () => {
    await expect(openWasm({ instructionSet: "avx512" })).rejects.toThrow(/expected "simd128" or "relaxed-simd"/);
    await expect(openWasm({ threads: Number.NaN })).rejects.toThrow(/threads is NaN/);
    const empty = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
    await expect(openWasm({ module: empty })).rejects.toThrow(/module is none of those of @saccade\/kernels/);
  });

  test("a closed runtime refuses calls", async () => {
    const runtime = await openWasm({ threads: 1 });
    await runtime[Symbol.asyncDispose]();
    await expect(dense().forward(inputs({ heads: 1, queries: 4 }), { runtime })).rejects.toThrow(
      /used after it was closed/,
    );
  });
});
