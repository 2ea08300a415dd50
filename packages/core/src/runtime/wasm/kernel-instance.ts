/** What the modules of @saccade/kernels export. */
export interface KernelExports {
  /** Runs the `Rotation` at an address; 0 where a position is not in its tables. */
  rotate(rotation: number): number;
  /** Runs an item of the `Recurrence` at an address, in scratch at another. */
  recur(recurrence: number, item: number, scratch: number): void;
  /** Floats of that scratch. */
  recurScratchFloats(recurrence: number): number;
  /** Takes units from the job at an address until none is left (1) or `maxUnits` are done (0). */
  run(job: number, thread: number, maxUnits: number): number;
  /** Floats of a unit's running state between panels of keys. */
  stateFloats(rows: number, headDim: number, valueDim: number, operands: number, needs: number): number;
  /** Floats of the result of a part of a split unit. */
  slotFloats(rows: number, valueDim: number): number;
  /** Floats that one thread works in; `needs` as `scratchNeeds` adds them up. */
  scratchFloats(rows: number, headDim: number, valueDim: number, operands: number, needs: number): number;
  /** 1 when the program at an address may run. */
  verifyProgram(program: number, isScore: number): number;
  readonly __heap_base: WebAssembly.Global;
}

/** Bytes of the stack of a thread. */
export const STACK_BYTES = 65_536;
