import type { Node } from "./node.ts";
import { OP } from "./operations.ts";

/** Arrays that an expression can look numbers up in. */
export type LookupArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;

/** Where an expression is evaluated. */
export interface PairPosition {
  /** Position of the query: its index plus the query offset. */
  q: number;
  /** Index of the key. */
  k: number;
  /** Batch element. */
  b: number;
  /** Query head. */
  h: number;
  /** The score so far. */
  s: number;
}

/** Booleans are 0 and 1. */
export type Evaluator = (at: PairPosition) => number;

/**
 * What a node is worth at one pair, by the definition of the operations: ints wrap at 32 bits, reals are f64. The kernels agree up to
 * f32 rounding of reals.
 */
export function evaluator(node: Node): Evaluator {
  if (node.array !== undefined) return lookupEvaluator(node.array, evaluator(node.operands[0]!));
  const [a, b, c] = node.operands.map(evaluator) as [Evaluator, Evaluator, Evaluator];
  switch (node.op) {
    case OP.CONST: {
      const { value } = node;
      return () => value;
    }
    case OP.QUERY:
      return (at) => at.q;
    case OP.HEAD:
      return (at) => at.h;
    case OP.KEY:
      return (at) => at.k;
    case OP.BATCH:
      return (at) => at.b;
    case OP.SCORE:
      return (at) => at.s;
    case OP.IADD:
      return (at) => (a(at) + b(at)) | 0;
    case OP.ISUB:
      return (at) => (a(at) - b(at)) | 0;
    case OP.IMUL:
      return (at) => Math.imul(a(at), b(at));
    case OP.IDIV:
      return (at) => floorDivide(a(at), b(at));
    case OP.IMOD:
      return (at) => floorModulo(a(at), b(at));
    case OP.IABS:
      return (at) => Math.abs(a(at)) | 0;
    case OP.FADD:
      return (at) => a(at) + b(at);
    case OP.FSUB:
      return (at) => a(at) - b(at);
    case OP.FMUL:
      return (at) => a(at) * b(at);
    case OP.FDIV:
      return (at) => a(at) / b(at);
    case OP.FMOD:
      return (at) => realModulo(a(at), b(at));
    case OP.IMIN:
    case OP.FMIN:
      return (at) => Math.min(a(at), b(at));
    case OP.IMAX:
    case OP.FMAX:
      return (at) => Math.max(a(at), b(at));
    case OP.FABS:
      return (at) => Math.abs(a(at));
    case OP.EXP:
      return (at) => Math.exp(a(at));
    case OP.LOG:
      return (at) => Math.log(a(at));
    case OP.TANH:
      return (at) => Math.tanh(a(at));
    case OP.FLOOR:
      return (at) => Math.floor(a(at));
    case OP.I2F:
      return a;
    case OP.ILT:
    case OP.FLT:
      return (at) => (a(at) < b(at) ? 1 : 0);
    case OP.ILE:
    case OP.FLE:
      return (at) => (a(at) <= b(at) ? 1 : 0);
    case OP.IEQ:
    case OP.FEQ:
      return (at) => (a(at) === b(at) ? 1 : 0);
    case OP.AND:
      return (at) => (a(at) === 1 ? b(at) : 0);
    case OP.OR:
      return (at) => (a(at) === 1 ? 1 : b(at));
    case OP.NOT:
      return (at) => 1 - a(at);
    case OP.SELECT:
      return (at) => (a(at) === 1 ? b(at) : c(at));
    default:
      throw new Error(`operation ${node.op} stands only in bytecode`);
  }
}

function lookupEvaluator(array: LookupArray, index: Evaluator): Evaluator {
  const last = array.length - 1;
  return (at) => array[Math.min(Math.max(index(at), 0), last)]!;
}

/** floor(a / b) of 32-bit integers, wrapped; 0 for b = 0. */
export function floorDivide(a: number, b: number): number {
  // A quotient that is no integer lies at least 2^-31 off one, so f64 rounds none up to it.
  return b === 0 ? 0 : Math.floor(a / b) | 0;
}

/** a - floor(a / b) b of 32-bit integers; 0 for b = 0. */
export function floorModulo(a: number, b: number): number {
  return b === 0 ? 0 : (((a % b) + b) % b) | 0;
}

/** a - floor(a / b) b of reals. */
export function realModulo(a: number, b: number): number {
  return a - Math.floor(a / b) * b;
}
