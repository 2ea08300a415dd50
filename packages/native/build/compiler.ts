// The C compiler of this machine, and what it can do.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Compiler {
  readonly command: string;
  /** First line of `--version`: another compiler makes other objects. */
  readonly version: string;
}

/** Kernels that can be compiled for a processor family, best first, with the flags that allow their instructions. */
const KERNELS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  x64: {
    avx512: ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma", "-mf16c"],
    avx2: ["-mavx2", "-mfma", "-mf16c"],
    plain: [],
  },
  arm64: { neon: [], plain: [] },
};

/** `$CC`, or the first of cc, gcc and clang that compiles and links a small library. A sentence when there is none. */
export function findCompiler(): Compiler | string {
  if (process.platform === "win32") return "there is no build for Windows yet";
  const given = process.env["CC"];
  const tried = given ? [given] : ["cc", "gcc", "clang"];
  for (const command of tried) {
    const version = run(command, ["--version"]);
    if (version === undefined || !compiles(command, "#include <stdlib.h>\n", [])) continue;
    return { command, version: version.split("\n", 1)[0]! };
  }
  return given ? `$CC (${given}) does not compile` : "there is no working C compiler (cc, gcc, clang)";
}

/** The kernels that this compiler can make for this machine. */
export function kernelsFor(compiler: Compiler): { readonly isa: string; readonly flags: readonly string[] }[] {
  const known = KERNELS[process.arch] ?? { plain: [] };
  return Object.entries(known)
    .filter(([, flags]) => flags.length === 0 || compiles(compiler.command, "#include <immintrin.h>\n", flags))
    .map(([isa, flags]) => ({ isa, flags }));
}

/** Runs the compiler; throws with what it printed when it fails. */
export function compile(compiler: Compiler, args: readonly string[]): void {
  const result = spawnSync(compiler.command, args, { encoding: "utf8" });
  if (result.status === 0 && result.stderr === "") return;
  if (result.status === 0) process.stderr.write(result.stderr);
  else throw new Error(`${compiler.command} ${args.join(" ")}\n${result.stderr ?? ""}${result.error?.message ?? ""}`);
}

function run(command: string, args: readonly string[]): string | undefined {
  const result = spawnSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return result.status === 0 ? result.stdout : undefined;
}

function compiles(command: string, source: string, flags: readonly string[]): boolean {
  const folder = mkdtempSync(join(tmpdir(), "saccade-cc-"));
  try {
    const file = join(folder, "probe.c");
    writeFileSync(file, `${source}int probe(void) { return 0; }\n`);
    return run(command, [...flags, "-fPIC", "-shared", file, "-o", join(folder, "probe.so")]) !== undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
