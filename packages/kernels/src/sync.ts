import type { KernelBuild, WasmInstructionSet } from "./builds.ts";
import * as relaxedSimd from "./generated/relaxed-simd.ts";
import * as simd128 from "./generated/simd128.ts";
import { kernelBytes, type KernelText } from "./kernel-text.ts";

const texts: Record<WasmInstructionSet, KernelText> = { simd128, "relaxed-simd": relaxedSimd };

const compiled = new Map<string, WebAssembly.Module>();

/**
 * `compileKernels` for callers that cannot wait: all builds come with this module.
 *
 * @throws WebAssembly.CompileError when the engine does not take the build's instruction set, RangeError where a
 * browser's main thread may not compile a module of this size at once.
 */
export function compileKernelsSync({ instructionSet, shared }: KernelBuild): WebAssembly.Module {
  const name = `${instructionSet} ${shared}`;
  let module = compiled.get(name);
  if (module === undefined) {
    module = new WebAssembly.Module(kernelBytes(texts[instructionSet], shared));
    compiled.set(name, module);
  }
  return module;
}
