import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EXHAUSTIVE, FAST } from "./safety/checks.ts";
import { sources } from "./safety/compiler.ts";

interface Files {
  [name: string]: Files | string | Uint8Array;
}

// The package's own declarations lack runClang.
interface Clang {
  runClang(args: string[], files: Files, options: { stderr: (bytes: Uint8Array | null) => void }): Promise<Files>;
  runLLVM(args: null, files: Files, options: { fetchProgress: () => void }): Promise<unknown>;
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  lanes(): number;
  exp(): void;
  tanh(): void;
}

const COUNT = 4096;

const read = async (folder: string): Promise<Files> => {
  const entries = await readdir(folder, { withFileTypes: true });
  const contents = entries.map(async (entry): Promise<[string, Files | string]> => {
    const path = join(folder, entry.name);
    return [entry.name, entry.isDirectory() ? await read(path) : await readFile(path, "utf8")];
  });
  return Object.fromEntries(await Promise.all(contents));
};

const build = async (flags: readonly string[]): Promise<Exports> => {
  const clang = (await import("@yowasp/clang")) as unknown as Clang;
  await clang.runLLVM(null, {}, { fetchProgress: () => {} });
  const elementary = await readFile(join(sources.tests, "elementary.c"), "utf8");
  const files = { c: await read(sources.kernels), "elementary.c": elementary };
  const said: Uint8Array[] = [];
  const meaning = ["--target=wasm32", "-std=c17", "-O3", "-ffp-contract=off", "-msimd128", "-DSACCADE_ISA=wasm"];
  const linking = ["-Ic", "-nostdlib", "-Wl,--no-entry", "elementary.c", "-o", "elementary.wasm"];
  const made = await clang
    .runClang(["clang", ...meaning, ...flags, ...linking], files, {
      stderr: (bytes) => void (bytes !== null && said.push(bytes.slice())),
    })
    .catch((): Files => ({}));
  expect(Buffer.concat(said).toString()).toBe("");
  const module = await WebAssembly.compile(made["elementary.wasm"] as Uint8Array<ArrayBuffer>);
  return (await WebAssembly.instantiate(module)).exports as unknown as Exports;
};

/** Error in units of the last place of `want`, which is a normal number. */
const ulps = (got: number, want: number): number => {
  const exponent = want === 0 ? -126 : Math.max(Math.floor(Math.log2(Math.abs(want))), -126);
  return Math.abs(got - want) / 2 ** (exponent - 23);
};

/** The worst error of `name` over every `step`-th float of [0, largest], or of [-largest, 0] when `negative`. */
const worst = (kernel: Exports, name: "exp" | "tanh", largest: number, negative: boolean, step: number): number => {
  const lanes = new Float32Array(kernel.memory.buffer, kernel.lanes(), COUNT);
  const input = new Float32Array(COUNT);
  const bits = new Uint32Array(input.buffer);
  const [last] = new Uint32Array(Float32Array.of(largest).buffer) as unknown as [number];
  let found = 0;
  for (let first = 0; first <= last; first += step * COUNT) {
    for (let i = 0; i < COUNT; i++) bits[i] = Math.min(first + i * step, last) + (negative ? 0x80000000 : 0);
    lanes.set(input);
    kernel[name]();
    for (let i = 0; i < COUNT; i++) {
      const error = ulps(lanes[i]!, Math[name](input[i]!));
      if (!(error <= found)) found = error;
    }
  }
  return found;
};

test.each([
  ["simd128", []],
  ["relaxed-simd", ["-mrelaxed-simd"]],
])("%s has exp within 2 ulp and tanh within 6", { timeout: 600_000 }, async (_, flags) => {
  const kernel = await build(flags);
  // JavaScript compares 64 numbers in the time that C compares 1000.
  const { step } = process.env["SACCADE_EXHAUSTIVE"] ? { step: EXHAUSTIVE.step * 16 } : FAST;
  expect(worst(kernel, "exp", 87.33, true, step)).toBeLessThanOrEqual(2);
  expect(worst(kernel, "tanh", 20, false, step)).toBeLessThanOrEqual(6);

  const lanes = new Float32Array(kernel.memory.buffer, kernel.lanes(), COUNT);
  lanes.set([Number.NaN, -Infinity, -104, -0, -87.34]);
  kernel.exp();
  expect(Array.from(lanes.subarray(0, 5))).toEqual([Number.NaN, 0, 0, 1, 0]);
});
