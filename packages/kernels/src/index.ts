import type { KernelBuild, WasmInstructionSet } from "./builds.ts";
import { kernelBytes, type KernelText } from "./kernel-text.ts";

export type { KernelBuild, WasmInstructionSet } from "./builds.ts";
export { instructionSetOf } from "./instruction-set-of.ts";
export { supports } from "./supports.ts";

// Literal imports, one for each instruction set: bundlers split them, and an application loads the one that its engine takes.
const texts: Record<WasmInstructionSet, () => Promise<KernelText>> = {
  simd128: () => import("./generated/simd128.ts"),
  "relaxed-simd": () => import("./generated/relaxed-simd.ts"),
};

const compiled = new Map<string, Promise<WebAssembly.Module>>();

/**
 * Compiles a build off the main thread, once per program. The module imports `env.memory`.
 *
 * Where code may not be compiled at run time (Cloudflare Workers), import the file instead:
 * `import module from "@saccade/kernels/simd128.wasm"`.
 *
 * @throws WebAssembly.CompileError when the engine does not take the build's instruction set.
 */
export async function compileKernels({ instructionSet, shared }: KernelBuild): Promise<WebAssembly.Module> {
  const name = `${instructionSet} ${shared}`;
  let module = compiled.get(name);
  if (module === undefined) {
    module = texts[instructionSet]().then((text) => WebAssembly.compile(kernelBytes(text, shared)));
    compiled.set(name, module);
  }
  return module;
}
