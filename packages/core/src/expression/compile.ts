import type { LookupArray } from "./evaluate.ts";
import { Mask, rootOf, type Score } from "./expression.ts";
import { type FlatCode, flatten } from "./flat-code.ts";
import { type Node, OVER_H, OVER_K, OVER_Q, OVER_S } from "./node.ts";
import { OP, type Operation } from "./operations.ts";
import { allocateRegisters, REGISTERS } from "./registers.ts";

/** Ints of one instruction: op, to, a, b, c. */
export const INSTRUCTION_INTS = 5;
/** Instructions of a program at most: `PROGRAM_INSTRUCTIONS` of the kernels. */
const MAX_INSTRUCTIONS = 1024;

/** An expression as the kernels run it: `Program` in job.h. */
export interface Program {
  /** `INSTRUCTION_INTS` ints an instruction, in four sections: what is the same everywhere, for a row, for a key, for a pair. */
  readonly code: Int32Array;
  /** Instructions up to the end of each section. */
  readonly ends: readonly [uniform: number, row: number, key: number, pair: number];
  /** Register of the result. */
  readonly result: number;
  /** Arrays that LOOKUP reads: integers as i32, reals as f32. */
  readonly tables: readonly (Int32Array | Float32Array)[];
}

const programs = new WeakMap<Mask | Score, Program>();

/**
 * The program of an expression. It is made once, with its tables, for which only an Int32Array or a Float32Array is not copied.
 *
 * Values of the first three sections keep their registers: kernels work them out once for many pairs.
 *
 * @throws RangeError when the expression needs more than 24 values at once, or has more than 1024 operations.
 */
export function compile(expression: Mask | Score): Program {
  let program = programs.get(expression);
  if (program === undefined) {
    program = translate(expression instanceof Mask ? "mask" : "score", flatten(rootOf(expression)));
    programs.set(expression, program);
  }
  return program;
}

interface Instruction {
  readonly op: Operation;
  readonly node: Node;
  /** Indices of nodes. */
  readonly inputs: readonly number[];
  readonly immediate: number;
  /** Of a lookup. */
  readonly array?: LookupArray | undefined;
}

/** Section of a value: 0 uniform, 1 row, 2 key, 3 pair. */
function sectionOf({ over }: Node): number {
  if ((over & OVER_S) !== 0) return 3;
  return ((over & (OVER_Q | OVER_H)) !== 0 ? 1 : 0) + ((over & OVER_K) !== 0 ? 2 : 0);
}

function translate(where: string, flat: FlatCode): Program {
  const instructions = flat.nodes.map((node, i) => instructionOf(flat, node, i));
  const order = sorted(instructions);
  if (order.length > MAX_INSTRUCTIONS) {
    throw new RangeError(`${where}: has ${order.length} operations, expected at most ${MAX_INSTRUCTIONS}`);
  }
  const sections = order.map((index) => sectionOf(flat.nodes[index]!));
  const placeOf = new Map(order.map((index, place) => [index, place]));
  const inputs = order.map((index) => instructions[index]!.inputs.map((input) => placeOf.get(input)!));
  const result = placeOf.get(flat.nodes.length - 1)!;
  const registers = allocateRegisters({ inputs, kept: countUpTo(sections, 2), result });
  if (registers === undefined) throw new RangeError(`${where}: needs more than ${REGISTERS} values at once`);

  const arrays: LookupArray[] = [];
  const code = new Int32Array(order.length * INSTRUCTION_INTS);
  for (const [place, index] of order.entries()) {
    const { op, node, immediate, array } = instructions[index]!;
    const [a = 0, b = 0, c = immediate] = inputs[place]!.map((input) => registers[input]!);
    code.set([op, registers[place]!, a, b, c], place * INSTRUCTION_INTS);
    if (op === OP.CONST) code[place * INSTRUCTION_INTS + 2] = bitsOf(node);
    if (op === OP.LOOKUP) code[place * INSTRUCTION_INTS + 3] = tableNumber(arrays, array!);
    if (op === OP.FLOOKADD) code[place * INSTRUCTION_INTS + 4] = tableNumber(arrays, array!);
  }
  const ends = [0, 1, 2, 3].map((section) => countUpTo(sections, section)) as [number, number, number, number];
  return { code, ends, result: registers[result]!, tables: arrays.map(tableOf) };
}

/** Divisions by powers of two are shifts and masks; they do not read their constant. */
function instructionOf({ nodes, operands }: FlatCode, node: Node, index: number): Instruction {
  const inputs = operands[index]!;
  const divisor = node.op === OP.IDIV || node.op === OP.IMOD ? nodes[inputs[1]!]! : undefined;
  if (divisor?.op === OP.CONST && divisor.value > 0 && Number.isInteger(Math.log2(divisor.value))) {
    const shift = node.op === OP.IDIV;
    return {
      op: shift ? OP.ISHR : OP.IAND,
      node,
      inputs: inputs.slice(0, 1),
      immediate: shift ? Math.log2(divisor.value) : divisor.value - 1,
    };
  }
  return fused({ nodes, operands }, node, inputs) ?? { op: node.op, node, inputs, immediate: 0, array: node.array };
}

/**
 * A product of pairs that is added to something, or taken from it, is one instruction; so are a distance as a real, a clamp, and what a
 * table adds.
 */
function fused({ nodes, operands }: FlatCode, node: Node, [a, b]: readonly number[]): Instruction | undefined {
  const isPair = (index: number, op: Operation): boolean =>
    nodes[index]!.op === op &&
    sectionOf(nodes[index]!) === 3 &&
    operands.filter((inputs) => inputs.includes(index)).length === 1;
  const isProduct = (index: number): boolean => isPair(index, OP.FMUL);
  if (node.op === OP.I2F && isPair(a!, OP.ISUB)) {
    return { op: OP.ISUBF, node, inputs: operands[a!]!, immediate: 0 };
  }
  if (node.op === OP.IMIN && isPair(a!, OP.IMAX)) {
    return { op: OP.ICLAMP, node, inputs: [...operands[a!]!, b!], immediate: 0 };
  }
  for (const [index, other] of [
    [a!, b!],
    [b!, a!],
  ] as const) {
    if (node.op !== OP.FADD || !isPair(index, OP.LOOKUP)) continue;
    const inputs = [operands[index]![0]!, other];
    return { op: OP.FLOOKADD, node, inputs, immediate: 0, array: nodes[index]!.array };
  }
  if (node.op === OP.FADD && isProduct(a!)) {
    return { op: OP.FMADD, node, inputs: [...operands[a!]!, b!], immediate: 0 };
  }
  if ((node.op === OP.FADD || node.op === OP.FSUB) && isProduct(b!)) {
    const op = node.op === OP.FADD ? OP.FMADD : OP.FNMADD;
    return { op, node, inputs: [...operands[b!]!, a!], immediate: 0 };
  }
  return undefined;
}

/**
 * What the last instruction needs, section by section. Within a section the operand that itself needs more values comes first, so
 * that fewer wait for it.
 */
function sorted(instructions: readonly Instruction[]): number[] {
  const needs: number[] = [];
  for (const { inputs } of instructions) {
    const counts = inputs.map((input) => needs[input]!).sort((x, y) => y - x);
    needs.push(Math.max(1, ...counts.map((count, waiting) => count + waiting)));
  }
  const sections: number[][] = [[], [], [], []];
  const done = new Set<number>();
  const visit = (index: number): void => {
    if (done.has(index)) return;
    done.add(index);
    const { inputs, node } = instructions[index]!;
    for (const input of [...inputs].sort((x, y) => needs[y]! - needs[x]!)) visit(input);
    sections[sectionOf(node)]!.push(index);
  };
  visit(instructions.length - 1);
  return sections.flat();
}

function countUpTo(sections: readonly number[], last: number): number {
  return sections.filter((section) => section <= last).length;
}

const bits = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(4));

function bitsOf({ type, value }: Node): number {
  if (type === "int") return value;
  if (type === "boolean") return -value | 0;
  bits.setFloat32(0, value);
  return bits.getInt32(0);
}

function tableNumber(arrays: LookupArray[], array: LookupArray): number {
  const known = arrays.indexOf(array);
  return known >= 0 ? known : arrays.push(array) - 1;
}

function tableOf(array: LookupArray): Int32Array | Float32Array {
  if (array instanceof Int32Array || array instanceof Float32Array) return array;
  return array instanceof Float64Array ? Float32Array.from(array) : Int32Array.from(array);
}
