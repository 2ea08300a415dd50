/** Instruction sets that the kernels are compiled for. */
export type WasmInstructionSet = "simd128" | "relaxed-simd";

/** One of the four modules. */
export interface KernelBuild {
  /** "relaxed-simd" has fused multiply-add. An engine without relaxed SIMD refuses the whole module. */
  readonly instructionSet: WasmInstructionSet;
  /** Whether the imported memory is shared: several threads may then run one job. */
  readonly shared: boolean;
}
