import { evaluator, type LookupArray } from "./evaluate.ts";
import { OP, type Operation } from "./operations.ts";

/** int: 32 bits, wraps. real: f64 in the reference, f32 in kernels. */
export type ValueType = "int" | "real" | "boolean";

/** What a value may differ over, as a set of bits. */
export const OVER_Q = 1;
export const OVER_K = 2;
export const OVER_B = 4;
export const OVER_H = 8;
export const OVER_S = 16;

/** An expression's typed form, constants folded. Nodes never change and may be shared. */
export interface Node {
  readonly op: Operation;
  readonly type: ValueType;
  readonly operands: readonly Node[];
  /** Of a CONST; a boolean's is 0 or 1. */
  readonly value: number;
  /** Of a LOOKUP. */
  readonly array: LookupArray | undefined;
  /** OVER_ bits of every variable inside. */
  readonly over: number;
  /** Dividend and divisor of a quotient of two ints: floor() of it is their exact integer quotient. */
  readonly quotient?: readonly [Node, Node];
}

export function constant(type: ValueType, value: number): Node {
  return { op: OP.CONST, type, operands: [], value, array: undefined, over: 0 };
}

export const TRUE: Node = /* @__PURE__ */ constant("boolean", 1);
export const FALSE: Node = /* @__PURE__ */ constant("boolean", 0);

const VARIABLES: Readonly<Record<string, readonly [Operation, ValueType, number]>> = {
  q: [OP.QUERY, "int", OVER_Q],
  k: [OP.KEY, "int", OVER_K],
  b: [OP.BATCH, "int", OVER_B],
  h: [OP.HEAD, "int", OVER_H],
  s: [OP.SCORE, "real", OVER_S],
};

/** The node of `q`, `k`, `b`, `h` or `s`; undefined for any other name. */
export function variable(name: string): Node | undefined {
  if (!Object.hasOwn(VARIABLES, name)) return undefined;
  const [op, type, over] = VARIABLES[name]!;
  return { op, type, operands: [], value: 0, array: undefined, over };
}

/** Never folded: the array is read when the expression is used. */
export function lookup(array: LookupArray, index: Node): Node {
  const real = array instanceof Float32Array || array instanceof Float64Array;
  return { op: OP.LOOKUP, type: real ? "real" : "int", operands: [index], value: 0, array, over: index.over };
}

/** An operation on operands of the right types, in its simplest form. */
export function operation(op: Operation, type: ValueType, ...operands: Node[]): Node {
  const over = operands.reduce((bits, operand) => bits | operand.over, 0);
  const node: Node = { op, type, operands, value: 0, array: undefined, over };
  if (operands.every((operand) => operand.op === OP.CONST)) return constant(type, evaluator(node)(NOWHERE));
  return simplified(node) ?? node;
}

const NOWHERE = { q: 0, k: 0, b: 0, h: 0, s: 0 };

export function toReal(node: Node): Node {
  return node.type === "int" ? operation(OP.I2F, "real", node) : node;
}

export function negation(node: Node): Node {
  return operation(OP.NOT, "boolean", node);
}

export function conjunction(a: Node, b: Node): Node {
  return operation(OP.AND, "boolean", a, b);
}

export function disjunction(a: Node, b: Node): Node {
  return operation(OP.OR, "boolean", a, b);
}

function simplified({ op, operands }: Node): Node | undefined {
  const [a, b, c] = operands as [Node, Node, Node];
  switch (op) {
    case OP.AND:
      if (isConstant(a, 0) || isConstant(b, 0)) return FALSE;
      return isConstant(a, 1) ? b : isConstant(b, 1) ? a : undefined;
    case OP.OR:
      if (isConstant(a, 1) || isConstant(b, 1)) return TRUE;
      return isConstant(a, 0) ? b : isConstant(b, 0) ? a : undefined;
    case OP.NOT:
      if (a.op === OP.NOT) return a.operands[0];
      // Not for reals: a NaN is neither less nor greater.
      if (a.op === OP.ILT) return operation(OP.ILE, "boolean", a.operands[1]!, a.operands[0]!);
      if (a.op === OP.ILE) return operation(OP.ILT, "boolean", a.operands[1]!, a.operands[0]!);
      return undefined;
    case OP.SELECT:
      if (a.op === OP.CONST) return a.value === 1 ? b : c;
      return b === c ? b : undefined;
    case OP.IADD:
    case OP.FADD:
      return isConstant(a, 0) ? b : isConstant(b, 0) ? a : undefined;
    case OP.ISUB:
    case OP.FSUB:
      return isConstant(b, 0) ? a : undefined;
    case OP.IMUL:
      if (isConstant(a, 0) || isConstant(b, 0)) return constant("int", 0);
      return isConstant(a, 1) ? b : isConstant(b, 1) ? a : undefined;
    case OP.FMUL:
      return isConstant(a, 1) ? b : isConstant(b, 1) ? a : undefined;
    case OP.IDIV:
      return isConstant(b, 0) ? b : isConstant(b, 1) ? a : undefined;
    case OP.IMOD:
      return isConstant(b, 0) || isConstant(b, 1) ? constant("int", 0) : undefined;
    case OP.FDIV:
      return isConstant(b, 1) ? a : undefined;
    default:
      return undefined;
  }
}

function isConstant(node: Node, value: number): boolean {
  return node.op === OP.CONST && node.value === value;
}
