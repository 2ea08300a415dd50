import { execFileSync } from "node:child_process";

/**
 * Compiles a C file to a program with the first compiler that can: $CC, cc, gcc or clang.
 *
 * @throws Error when none can.
 */
export function compileC(source: string, flags: readonly string[], program: string): void {
  for (const compiler of [process.env["CC"], "cc", "gcc", "clang"]) {
    if (compiler === undefined) continue;
    try {
      execFileSync(compiler, [...flags, source, "-lm", "-o", program], { stdio: "ignore" });
      return;
    } catch {
      // The next one, then.
    }
  }
  throw new Error("no C compiler, so what is written in C is not measured");
}
