import { expect, test } from "vitest";
import { dense, openRuntime, openRuntimeSync, tensor, type AttentionInputs } from "../src/index.ts";

const numbers = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i));
const inputs: AttentionInputs = {
  q: tensor(numbers(64), { shape: [1, 2, 4, 8] }),
  k: tensor(numbers(80), { shape: [1, 2, 5, 8] }),
  v: tensor(numbers(80), { shape: [1, 2, 5, 8] }),
};

test("without a choice a call takes native, or wasm and says why not native", async () => {
  for (const result of [await dense().forward(inputs), dense().forwardSync(inputs)]) {
    expect(["native", "wasm"]).toContain(result.runtime);
    expect(result.notTaken.some((reason) => reason.startsWith("native: "))).toBe(result.runtime === "wasm");
    expect(result.threads).toBeGreaterThanOrEqual(1);
    expect(result.instructionSet).not.toBe("");
  }
});

test("a call runs on the runtime it names", async () => {
  const want = dense().reference(inputs).out;
  for (const runtime of ["wasm", "reference"] as const) {
    for (const result of [await dense().forward(inputs, { runtime }), dense().forwardSync(inputs, { runtime })]) {
      expect(result.runtime).toBe(runtime);
      (result.out.data as Float32Array).forEach((value, i) => expect(Math.abs(value - want[i]!)).toBeLessThan(1e-6));
    }
  }
});

test("a decoder on the shared runtimes steps with and without waiting", async () => {
  for (const runtime of ["auto", "wasm"] as const) {
    await using decoder = dense({ causal: true }).decoder({ heads: 2, headDim: 8, capacity: 8, runtime });
    await decoder.append({ q: inputs.q, k: { ...inputs.k, length: 4 }, v: { ...inputs.v, length: 4 } });
    const step = { q: { ...inputs.q, length: 1 }, k: { ...inputs.k, length: 1 }, v: { ...inputs.v, length: 1 } };
    expect(decoder.appendSync(step).out.length).toBe(1);
    expect(decoder.length).toBe(5);
  }
});

test("a runtime that was closed refuses work instead of hanging", async () => {
  for (const name of ["auto", "wasm"] as const) {
    const runtime = await openRuntime(name, { threads: 2 });
    await runtime[Symbol.asyncDispose]();
    expect(() => dense().forwardSync(inputs, { runtime })).toThrow(/closed/);
    await expect(dense().forward(inputs, { runtime })).rejects.toThrow(/closed/);
  }
});

test("runtimes open without waiting too", async () => {
  for (const name of ["auto", "wasm", "reference"] as const) {
    await using runtime = openRuntimeSync(name);
    expect(dense().forwardSync(inputs, { runtime }).out.data.length).toBe(64);
  }
});

test("opening something that does not exist names it", async () => {
  const message = 'runtime is "gpu", expected "auto", "native", "wasm" or "reference"';
  await expect(openRuntime("gpu" as "auto")).rejects.toThrow(`openRuntime: ${message}`);
  expect(() => openRuntimeSync("gpu" as "auto")).toThrow(`openRuntimeSync: ${message}`);
  await expect(openRuntime("wasm", { instructionSet: "mmx" })).rejects.toThrow("mmx");
});

test("calls at once on one runtime each get their own result", async () => {
  for (const name of ["auto", "wasm"] as const) {
    await using runtime = await openRuntime(name, { threads: 2 });
    const call = (seed: number, queries: number) => {
      const x = tensor(
        numbers(2 * queries * 8).map((value) => value + seed),
        { shape: [1, 2, queries, 8] },
      );
      return { q: x, k: x, v: x };
    };
    const calls = [call(1, 600), call(2, 10), call(3, 700), call(4, 300)];
    const results = await Promise.all(calls.map((given) => dense({ causal: true }).forward(given, { runtime })));
    for (const [index, given] of calls.entries()) {
      const alone = dense({ causal: true }).forwardSync(given, { runtime });
      expect(results[index]!.out.data).toEqual(alone.out.data);
    }
  }
});

test("the event loop turns while a long call runs", async () => {
  for (const name of ["auto", "wasm", "reference"] as const) {
    await using runtime = await openRuntime(name, { threads: 1 });
    const queries = name === "reference" ? 300 : 3000;
    const x = tensor(numbers(4 * queries * 64), { shape: [1, 4, queries, 64] });
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await dense().forward({ q: x, k: x, v: x }, { runtime });
    clearInterval(timer);
    expect(turns, name).toBeGreaterThan(3);
  }
});
