import type { WasmInstructionSet } from "./builds.ts";

// (module (func (result v128) i32.const 0 i8x16.splat i8x16.popcnt))
const SIMD128 = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
] as const;

// (module (func (result v128) i32.const 1 i8x16.splat i32.const 2 i8x16.splat i8x16.relaxed_swizzle))
const RELAXED_SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15,
  253, 128, 2, 11,
] as const;

/** Whether this engine takes modules of an instruction set. It validates a module of a few bytes and compiles nothing. */
export function supports(instructionSet: WasmInstructionSet): boolean {
  return WebAssembly.validate(new Uint8Array(instructionSet === "simd128" ? SIMD128 : RELAXED_SIMD));
}
