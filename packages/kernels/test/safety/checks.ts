import {
  EMULATED_AVX512,
  NEON,
  SANITIZERS,
  UNOPTIMIZED,
  type Compiler,
  buildElementary,
  buildProgram,
  instructionSets,
  kernelArguments,
  run,
  withFolder,
} from "./compiler.ts";

/** What one check found. */
export interface Finding {
  readonly ok: boolean;
  /** What was checked and its figures, or what went wrong. */
  readonly text: string;
}

/** How much a check looks at. */
export interface Extent {
  /** Random problems for each instruction set. */
  readonly problems: number;
  /** First seed; each problem has the next. */
  readonly seed: number;
  /** Every `step`-th float goes through exp. */
  readonly step: number;
  /** Unoptimized code compiles in seconds, -O1 runs three times as fast. */
  readonly optimize: readonly string[];
}

/** Some thousand problems and a sample of the floats: seconds, for every run of the tests. */
export const FAST: Extent = { problems: 5000, seed: 1, step: 4099, optimize: UNOPTIMIZED };
/** Minutes, for a release. */
export const EXHAUSTIVE: Extent = { problems: 100_000, seed: 1, step: 16, optimize: ["-O1"] };

const finding = (code: number, output: string): Finding => ({
  ok: code === 0,
  text: code === 0 ? output.trim() : `${output.trim()} (ended with ${code})`,
});

/** Random jobs under AddressSanitizer and UndefinedBehaviorSanitizer, on every instruction set that this processor runs. */
export async function checkMemory(compiler: Compiler, { problems, seed, optimize }: Extent): Promise<Finding[]> {
  const sets = instructionSets().filter(({ runs }) => runs);
  const flags = [...optimize, ...(compiler.sanitizers ? SANITIZERS : [])];
  const how = compiler.sanitizers
    ? "AddressSanitizer, UndefinedBehaviorSanitizer, guard pages"
    : "guard pages only: no sanitizers here";
  return withFolder(async (folder) => {
    const program = await buildProgram(compiler.command, sets, flags, folder);
    const ended = await Promise.all(sets.map(({ name }) => run(program, [name, String(problems), String(seed)])));
    return ended.map(({ code, output }) => finding(code, `${output.trim()} (${how})`));
  });
}

/** Random jobs that threads share, under ThreadSanitizer. */
export async function checkThreads(compiler: Compiler, { problems, seed, optimize }: Extent): Promise<Finding> {
  const set = instructionSets().findLast(({ runs }) => runs)!;
  return withFolder(async (folder) => {
    const program = await buildProgram(compiler.command, [set], [...optimize, "-fsanitize=thread"], folder);
    const { code, output } = await run(program, [set.name, String(problems), String(seed)]);
    return finding(code, `${output.trim()} (ThreadSanitizer)`);
  });
}

/** Instruction sets that this processor lacks must still compile without a warning. */
export async function checkSyntax(compiler: Compiler): Promise<Finding[]> {
  const absent = instructionSets().filter(({ runs }) => !runs);
  return Promise.all(
    absent.map(async (set) => {
      const { code, output } = await run(compiler.command, kernelArguments(set, ["-fsyntax-only"]));
      return finding(code, code === 0 ? `${set.name}: compiles; this processor does not run it` : output);
    }),
  );
}

/** exp and tanh against the C library in double precision. */
export async function checkElementary(compiler: Compiler, { step }: Extent): Promise<Finding[]> {
  return withFolder(async (folder) => {
    const sets = instructionSets().filter(({ runs }) => runs);
    return Promise.all(
      sets.map(async (set) => {
        const program = await buildElementary(compiler.command, set, [], folder);
        const { code, output } = await run(program, [String(step)]);
        return finding(code, output);
      }),
    );
  });
}

/** AVX-512 on an x86 processor that lacks it: everything but the instructions themselves. */
export async function checkEmulatedAvx512(compiler: Compiler, { problems, seed, step }: Extent): Promise<Finding[]> {
  const sets = instructionSets();
  if (!sets.some(({ name, runs }) => name === "avx2" && runs)) return [];
  if (sets.some(({ name, runs }) => name === "avx512" && runs)) return [];
  return withFolder(async (folder) => {
    // Optimized, the loops over lanes take a minute to compile.
    const flags = [...UNOPTIMIZED, ...(compiler.sanitizers ? SANITIZERS : [])];
    const program = await buildProgram(compiler.command, [EMULATED_AVX512], flags, folder);
    const elementary = await buildElementary(compiler.command, EMULATED_AVX512, [], folder);
    const ended = await Promise.all([
      run(program, ["avx512", String(problems), String(seed)]),
      run(elementary, [String(step)]),
    ]);
    return ended.map(({ code, output }) => finding(code, `${output.trim()} (emulated)`));
  });
}

const CROSS = "aarch64-linux-gnu-gcc";
const EMULATOR = "qemu-aarch64";

/** NEON on another processor: a cross compiler and an emulator, where they are installed. Guard pages, no sanitizers. */
export async function checkEmulatedNeon({ problems, seed, step }: Extent): Promise<Finding[]> {
  if (process.arch === "arm64") return [];
  const missing = [];
  for (const command of [CROSS, EMULATOR]) {
    // oxlint-disable-next-line no-await-in-loop
    if ((await run(command, ["--version"])).code !== 0) missing.push(command);
  }
  if (missing.length > 0) return [{ ok: true, text: `neon: not checked, ${missing.join(" and ")} not found` }];
  return withFolder(async (folder) => {
    const program = await buildProgram(CROSS, [NEON], ["-O2", "-static", "-DSACCADE_TEST_NEAR"], folder);
    const elementary = await buildElementary(CROSS, NEON, ["-static"], folder);
    const ended = await Promise.all([
      run(EMULATOR, [program, "neon", String(problems), String(seed)]),
      run(EMULATOR, [elementary, String(step)]),
    ]);
    return ended.map(({ code, output }) => finding(code, `${output.trim()} (emulated)`));
  });
}
