// Memory safety and accuracy of the C kernels.
//
//   pnpm --filter @saccade/kernels test:safety [--exhaustive] [--problems N] [--seed N]
//
// Random jobs run through the kernels of every instruction set of this processor under sanitizers, with buffers that
// end at guard pages, against a double-precision loop; then exp, then races between threads, then other processors.
import { parseArgs } from "node:util";
import {
  EXHAUSTIVE,
  FAST,
  type Extent,
  type Finding,
  checkElementary,
  checkEmulatedAvx512,
  checkEmulatedNeon,
  checkMemory,
  checkSyntax,
  checkThreads,
} from "./safety/checks.ts";
import { findCompiler } from "./safety/compiler.ts";

const { values } = parseArgs({
  options: {
    exhaustive: { type: "boolean", default: false },
    problems: { type: "string" },
    seed: { type: "string" },
  },
});
const base: Extent = values.exhaustive ? EXHAUSTIVE : FAST;
const extent: Extent = {
  ...base,
  problems: values.problems === undefined ? base.problems : Number(values.problems),
  seed: values.seed === undefined ? base.seed : Number(values.seed),
};
// Emulators and ThreadSanitizer are slow.
const tenth: Extent = { ...extent, problems: Math.ceil(extent.problems / 10) };

let failed = 0;
const tell = (findings: readonly Finding[]): void => {
  for (const { ok, text } of findings) {
    if (!ok) failed++;
    console.log(`${ok ? "ok" : "FAILED"} ${text}`);
  }
};

const compiler = await findCompiler();
if (compiler === undefined) {
  console.log("skipped: no C compiler (cc, gcc, clang or $CC) found");
} else {
  tell(await checkSyntax(compiler));
  tell(await checkElementary(compiler, extent));
  tell(await checkMemory(compiler, extent));
  tell(await checkEmulatedAvx512(compiler, tenth));
  if (values.exhaustive) {
    tell([await checkThreads(compiler, tenth)]);
    tell(await checkEmulatedNeon(tenth));
  }
}
process.exitCode = failed > 0 ? 1 : 0;
