import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** How a program ended, and what it said on either stream. */
export interface Ended {
  readonly code: number;
  readonly output: string;
}

/** Runs a program to its end; one that cannot start ends with 127. */
export function run(command: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(command, args, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 127;
      resolve({ code, output: `${stdout}${stderr}` });
    });
  });
}

/** Where the C sources of the kernels and of these tests lie. */
export const sources: { readonly kernels: string; readonly tests: string } = {
  kernels: fileURLToPath(new URL("../../c/", import.meta.url)),
  tests: fileURLToPath(new URL(".", import.meta.url)),
};

/** An instruction set with the flags that it takes. */
export interface InstructionSet {
  readonly name: "plain" | "avx2" | "avx512" | "neon";
  readonly flags: readonly string[];
}

const PLAIN: InstructionSet = { name: "plain", flags: [] };
const AVX2: InstructionSet = { name: "avx2", flags: ["-mavx2", "-mfma", "-mf16c"] };
const AVX512: InstructionSet = { name: "avx512", flags: ["-mavx512f", "-mavx512dq", "-mavx2", "-mfma", "-mf16c"] };
export const NEON: InstructionSet = { name: "neon", flags: [] };
/** AVX-512 lane by lane on an x86 processor without it: its intrinsics come from `emulated/immintrin.h`. */
export const EMULATED_AVX512: InstructionSet = {
  name: "avx512",
  flags: [...AVX2.flags, "-Wno-psabi", `-I${fileURLToPath(new URL("emulated/", import.meta.url))}`],
};

/** Instruction sets that compile for this processor, and whether it runs them. */
export function instructionSets(): readonly (InstructionSet & { readonly runs: boolean })[] {
  if (process.arch === "arm64") return [PLAIN, NEON].map((set) => ({ ...set, runs: true }));
  if (process.arch !== "x64") return [{ ...PLAIN, runs: true }];
  const known = existsSync("/proc/cpuinfo") ? new Set(readFileSync("/proc/cpuinfo", "utf8").split(/\s+/)) : new Set();
  return [
    { ...PLAIN, runs: true },
    { ...AVX2, runs: known.has("avx2") && known.has("fma") },
    { ...AVX512, runs: known.has("avx512f") && known.has("avx512dq") },
  ];
}

/** A C compiler whose sanitizers work here. */
export interface Compiler {
  readonly command: string;
  /** Whether AddressSanitizer and UndefinedBehaviorSanitizer link and run. */
  readonly sanitizers: boolean;
}

export const SANITIZERS: readonly string[] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/** A folder that is gone when `use` is done. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "saccade-safety-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The first of $CC, cc, gcc and clang that makes a program; undefined where there is none (or on Windows, which lacks mmap). */
export async function findCompiler(): Promise<Compiler | undefined> {
  if (process.platform === "win32") return undefined;
  return withFolder(async (folder) => {
    const [source, program] = [join(folder, "probe.c"), join(folder, "probe")];
    await writeFile(source, "int main(void) { return 0; }\n");
    const works = async (command: string, flags: readonly string[]): Promise<boolean> =>
      (await run(command, [...flags, source, "-o", program])).code === 0 && (await run(program, [])).code === 0;
    for (const command of [process.env["CC"], "cc", "gcc", "clang"]) {
      // oxlint-disable-next-line no-await-in-loop -- the first that works is the one to take
      if (!command || !(await works(command, []))) continue;
      // oxlint-disable-next-line no-await-in-loop
      return { command, sanitizers: await works(command, SANITIZERS) };
    }
    return undefined;
  });
}

/** Without optimization, what the kernels want inlined takes minutes to compile under sanitizers; as functions, seconds. */
export const UNOPTIMIZED: readonly string[] = ["-O0", "-DINLINE=static inline"];

const WARNINGS: readonly string[] = ["-Wall", "-Wextra", "-Werror"];

/** The arguments that compile the kernels of one instruction set; the flags that decide results are those of the addon. */
export function kernelArguments(set: InstructionSet, flags: readonly string[]): string[] {
  const meaning = ["-std=c17", "-ffp-contract=off", `-DSACCADE_ISA=${set.name}`];
  return [...flags, ...set.flags, ...meaning, ...WARNINGS, "-g", "-c", join(sources.kernels, "attend.c")];
}

/** Compiles the program of random jobs with the kernels of `sets`. Throws with the compiler's words. */
export async function buildProgram(
  command: string,
  sets: readonly InstructionSet[],
  flags: readonly string[],
  folder: string,
): Promise<string> {
  const objects = sets.map(({ name }) => join(folder, `${name}.o`));
  const compiled = await Promise.all(
    sets.map((set, i) => run(command, [...kernelArguments(set, flags), "-o", objects[i]!])),
  );
  for (const { code, output } of compiled) if (code !== 0) throw new Error(`attend.c does not compile:\n${output}`);
  const program = join(folder, "safety");
  const given = sets.map(({ name }) => `-DSACCADE_TEST_${name.toUpperCase()}`);
  const source = join(sources.tests, "main.c");
  const linking = ["-std=gnu17", "-g", ...WARNINGS, source, ...objects, "-lm", "-lpthread", "-o", program];
  const linked = await run(command, [...flags, ...given, ...linking]);
  if (linked.code !== 0) throw new Error(`main.c does not compile:\n${linked.output}`);
  return program;
}

/** Compiles the measurement of exp and tanh. */
export async function buildElementary(
  command: string,
  set: InstructionSet,
  flags: readonly string[],
  folder: string,
): Promise<string> {
  const program = join(folder, `elementary-${set.name}`);
  const meaning = ["-O2", "-std=gnu17", "-ffp-contract=off", `-DSACCADE_ISA=${set.name}`, ...WARNINGS];
  const source = [`-I${sources.kernels}`, join(sources.tests, "elementary.c")];
  const made = await run(command, [...flags, ...set.flags, ...meaning, ...source, "-lm", "-o", program]);
  if (made.code !== 0) throw new Error(`elementary.c does not compile:\n${made.output}`);
  return program;
}
