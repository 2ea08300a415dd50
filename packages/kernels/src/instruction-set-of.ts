import type { WasmInstructionSet } from "./builds.ts";

/** The instruction set of a compiled module, by its exports; undefined for a module that is none of the kernels'. */
export function instructionSetOf(module: WebAssembly.Module): WasmInstructionSet | undefined {
  const names = WebAssembly.Module.exports(module).map((entry) => entry.name);
  if (!names.includes("run") || !names.includes("serve")) return undefined;
  return names.includes("relaxedSimd") ? "relaxed-simd" : "simd128";
}
