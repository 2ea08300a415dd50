/** Registers of the kernels' interpreter: `PROGRAM_REGISTERS`. */
export const REGISTERS = 24;

/** Instructions in order, by the values that each one reads; instruction i makes value i. */
export interface Reads {
  readonly inputs: readonly (readonly number[])[];
  /** The first instructions, whose values keep a register of their own to the end. */
  readonly kept: number;
  /** The value that has to be there at the end. */
  readonly result: number;
}

/**
 * The register of every value, by linear scan: a value's register is free for another one from the instruction that reads it last,
 * itself included. Undefined when there are too few.
 */
export function allocateRegisters({ inputs, kept, result }: Reads): Int32Array | undefined {
  const lastRead = new Int32Array(inputs.length).fill(-1);
  for (const [i, values] of inputs.entries()) for (const value of values) lastRead[value] = i;
  for (let value = 0; value < kept; value++) lastRead[value] = inputs.length;
  lastRead[result] = inputs.length;
  const registers = new Int32Array(inputs.length);
  const free = Array.from({ length: REGISTERS }, (_, i) => REGISTERS - 1 - i);
  for (const [i, values] of inputs.entries()) {
    for (const value of new Set(values)) if (lastRead[value] === i) free.push(registers[value]!);
    const register = free.pop();
    if (register === undefined) return undefined;
    registers[i] = register;
    if (lastRead[i] === -1) free.push(register);
  }
  return registers;
}
