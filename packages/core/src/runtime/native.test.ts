import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { RandomNumbers } from "../../test/random-numbers.ts";
import { sameBits } from "../../test/same-bits.ts";
import { dense } from "../dense.ts";
import { tensor, type Tensor } from "../tensor.ts";
import { chooseInstructionSet, loadAddon, type LoadedAddon } from "./native/addon.ts";
import { openNative } from "./native.ts";

interface Workspace {
  readonly stated: number;
  readonly held: number;
}

function tryLoad(): LoadedAddon | undefined {
  try {
    return loadAddon();
  } catch (error) {
    console.warn(`tests of the native runtime are skipped: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

const loaded = tryLoad();
const random = new RandomNumbers(11);

function view(heads: number, length: number, width: number, layout: "bhnd" | "bnhd" = "bhnd"): Tensor {
  const shape = layout === "bhnd" ? ([1, heads, length, width] as const) : ([1, length, heads, width] as const);
  return tensor(random.normal(heads * length * width), { shape, layout });
}

const inputs = (heads: number, queries: number, keys = queries, width = 32) => ({
  q: view(heads, queries, width),
  k: view(heads, keys, width),
  v: view(heads, keys, width),
});

const floats = (of: Tensor): Float32Array => of.data as Float32Array;

/** More work than is done before `forward` returns its promise. */
const large = () => inputs(8, 2048);

describe("chooseInstructionSet", () => {
  const known = [{ name: "avx512", missing: "not supported by this CPU" }, { name: "avx2" }, { name: "plain" }];

  test("takes the best that runs, and says why better ones do not", () => {
    const notTaken = ["avx512: not supported by this CPU"];
    expect(chooseInstructionSet(known, undefined)).toEqual({ name: "avx2", index: 1, notTaken });
  });

  test("takes what was asked for", () => {
    const notTaken = ["avx512: not supported by this CPU", "avx2: not asked for"];
    expect(chooseInstructionSet(known, "plain")).toEqual({ name: "plain", index: 2, notTaken });
  });

  test("refuses what does not run", () => {
    expect(() => chooseInstructionSet(known, "avx512")).toThrow("instruction set avx512: not supported by this CPU");
    expect(() => chooseInstructionSet(known, "mmx")).toThrow(
      "instruction set mmx: unknown, expected one of avx512, avx2, plain",
    );
  });
});

describe.skipIf(loaded === undefined)("the native runtime", () => {
  test("says what ran, and why not more threads", async () => {
    await using runtime = openNative({ threads: 2 });
    const big = await dense().forward(large(), { runtime });
    expect(big).toMatchObject({ runtime: "native", instructionSet: runtime.info(2).instructionSet, threads: 2 });
    const small = dense().forwardSync(inputs(2, 4), { runtime });
    expect(small.threads).toBe(1);
    expect(small.notTaken.at(-1)).toBe("2 threads: too little work");
  });

  test("takes the instruction set of SACCADE_ISA, and an option over it", async () => {
    process.env["SACCADE_ISA"] = "plain";
    try {
      expect(openNative().info(1).instructionSet).toBe("plain");
      process.env["SACCADE_ISA"] = "none";
      expect(() => openNative()).toThrow("instruction set none: unknown");
      expect(openNative({ instructionSet: "plain" }).info(1).instructionSet).toBe("plain");
    } finally {
      delete process.env["SACCADE_ISA"];
    }
  });

  test("rejects with the signal's reason, before and during a call", async () => {
    await using runtime = openNative();
    const reason = new Error("enough");
    await expect(dense().forward(large(), { runtime, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const running = dense().forward(inputs(8, 8192), { runtime, signal: controller.signal });
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
  });

  test("rejects a call whose input is transferred away while it runs", async () => {
    await using runtime = openNative();
    const given = large();
    const running = dense().forward(given, { runtime });
    structuredClone(floats(given.k).buffer, { transfer: [floats(given.k).buffer as ArrayBuffer] });
    await expect(running).rejects.toThrow("an input was transferred or detached while the call ran");
  });

  test.each(["bhnd", "bnhd"] as const)("writes into the caller's own %s tensor, with the same bits", async (layout) => {
    await using runtime = openNative();
    const given = large();
    const expected = await dense().forward(given, { runtime });
    const out = view(8, 2048, 32, layout);
    const result = await dense().forward(given, { runtime, out });
    expect(result.out).toBe(out);
    const [b, h, n, e] = [0, 5, 1234, 7];
    const at = ({ offset, strides }: Tensor) => offset + b * strides.b + h * strides.h + n * strides.n + e;
    expect(floats(out)[at(out)]).toBe(floats(expected.out)[at(expected.out)]);
    if (layout === "bhnd") expect(sameBits(floats(out), floats(expected.out))).toBe(true);
  });

  test("rejects a call whose output is transferred away while it runs, and writes into nobody's memory", async () => {
    await using runtime = openNative();
    const out = view(8, 2048, 32);
    const running = dense().forward(large(), { runtime, out });
    const taken = structuredClone(floats(out).buffer, { transfer: [floats(out).buffer as ArrayBuffer] });
    const before = new Float32Array(taken as ArrayBuffer).slice();
    await expect(running).rejects.toThrow("out was transferred or detached while the call ran");
    expect(sameBits(new Float32Array(taken as ArrayBuffer), before)).toBe(true);
  });

  test("writes straight into a SharedArrayBuffer", async () => {
    await using runtime = openNative();
    const given = large();
    const expected = await dense().forward(given, { runtime });
    const shared = new Float32Array(new SharedArrayBuffer(4 * 8 * 2048 * 32));
    await dense().forward(given, { runtime, out: tensor(shared, { shape: [1, 8, 2048, 32] }) });
    expect(sameBits(shared, floats(expected.out))).toBe(true);
  });

  test("refuses resizable buffers by name", async () => {
    await using runtime = openNative();
    const given = inputs(2, 16);
    const k = tensor(new Float32Array(new ArrayBuffer(4 * 1024, { maxByteLength: 8192 })), { shape: [1, 2, 16, 32] });
    expect(() => dense().forwardSync({ ...given, k }, { runtime })).toThrow("k lies in a resizable ArrayBuffer");
    await expect(dense().forward({ ...given, k }, { runtime })).rejects.toThrow("k lies in a resizable ArrayBuffer");
  });

  test("waits for its calls when it is closed, and takes no more", async () => {
    const runtime = openNative();
    let done = false;
    const running = dense()
      .forward(large(), { runtime })
      .then(() => (done = true));
    await runtime[Symbol.asyncDispose]();
    await running;
    expect(done).toBe(true);
    expect(() => dense().forwardSync(inputs(1, 2), { runtime })).toThrow("the runtime is closed");
    expect(() => runtime.allocate(4)).toThrow("the runtime is closed");
  });

  test.each(["a prefill", "a step against a long cache", "a biased call", "a masked call"])(
    "states the workspace of %s to the byte",
    (call) => {
      const program = fileURLToPath(new URL("../../test/native-workspace.ts", import.meta.url));
      const args = ["--conditions=@saccade/source", program, call];
      const { stated, held } = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as Workspace;
      expect(held).toBe(stated);
    },
  );
});
