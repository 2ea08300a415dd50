import { conjunction, constant, disjunction, negation, type Node, operation, toReal } from "./node.ts";
import { OP, type Operation } from "./operations.ts";

/** Ends parsing with a message about the operator in question. */
export type Fail = (problem: string) => never;

/** Operations on ints and on reals. */
const ARITHMETIC: Readonly<Record<string, readonly [int: Operation, real: Operation]>> = {
  "+": [OP.IADD, OP.FADD],
  "-": [OP.ISUB, OP.FSUB],
  "*": [OP.IMUL, OP.FMUL],
  "%": [OP.IMOD, OP.FMOD],
  min: [OP.IMIN, OP.FMIN],
  max: [OP.IMAX, OP.FMAX],
};

const FUNCTIONS: Readonly<Record<string, Operation>> = { exp: OP.EXP, log: OP.LOG, tanh: OP.TANH };

/** The names of functions, for the parser to know them. */
export const FUNCTION_NAMES: readonly string[] = ["min", "max", "abs", "floor", ...Object.keys(FUNCTIONS)];

/** The node of `a symbol b`: ints stay ints beside ints, and become real beside a real. */
export function binary(symbol: string, a: Node, b: Node, fail: Fail): Node {
  switch (symbol) {
    case "&&":
    case "||":
      for (const { type } of [a, b]) {
        if (type !== "boolean") fail(`'${symbol}' expects booleans, got a number`);
      }
      return symbol === "&&" ? conjunction(a, b) : disjunction(a, b);
    case "<":
      return comparison(symbol, OP.ILT, OP.FLT, a, b, fail);
    case "<=":
      return comparison(symbol, OP.ILE, OP.FLE, a, b, fail);
    case ">":
      return comparison(symbol, OP.ILT, OP.FLT, b, a, fail);
    case ">=":
      return comparison(symbol, OP.ILE, OP.FLE, b, a, fail);
    case "==":
    case "!=": {
      if ((a.type === "boolean") !== (b.type === "boolean")) {
        fail(`'${symbol}' expects two numbers or two booleans, got one of each`);
      }
      const equal =
        a.type === "boolean" ? operation(OP.IEQ, "boolean", a, b) : comparison(symbol, OP.IEQ, OP.FEQ, a, b, fail);
      return symbol === "==" ? equal : negation(equal);
    }
    case "/":
      return quotient(a, b, fail);
    default:
      return arithmetic(symbol, a, b, fail);
  }
}

/** The node of `-a` or `!a`. */
export function unary(symbol: string, a: Node, fail: Fail): Node {
  if (symbol === "!") {
    if (a.type !== "boolean") fail("'!' expects a boolean, got a number");
    return negation(a);
  }
  expectNumbers(symbol, [a], fail);
  return arithmetic("-", constant(a.type, 0), a, fail);
}

/** The node of `a ? b : c`. */
export function choice(a: Node, b: Node, c: Node, fail: Fail): Node {
  if (a.type !== "boolean") fail("'?' expects a boolean before it, got a number");
  if (b.type === c.type) return operation(OP.SELECT, b.type, a, b, c);
  if (b.type === "boolean" || c.type === "boolean") fail("'?' expects two numbers or two booleans, got one of each");
  return operation(OP.SELECT, "real", a, toReal(b), toReal(c));
}

/** The node of `name(...args)`. */
export function call(name: string, args: readonly Node[], fail: Fail): Node {
  const many = name === "min" || name === "max";
  if (many ? args.length < 2 : args.length !== 1) {
    fail(`${name}() expects ${many ? "at least 2 numbers" : "1 number"}, got ${args.length}`);
  }
  expectNumbers(`${name}()`, args, fail);
  const [first, ...others] = args as [Node, ...Node[]];
  if (many) return others.reduce((a, b) => arithmetic(name, a, b, fail), first);
  if (name === "abs") return operation(first.type === "int" ? OP.IABS : OP.FABS, first.type, first);
  if (name === "floor") {
    if (first.type === "int") return first;
    return first.quotient === undefined
      ? operation(OP.FLOOR, "real", first)
      : operation(OP.IDIV, "int", ...first.quotient);
  }
  return operation(FUNCTIONS[name]!, "real", toReal(first));
}

function arithmetic(symbol: string, a: Node, b: Node, fail: Fail): Node {
  expectNumbers(symbol, [a, b], fail);
  const [int, real] = ARITHMETIC[symbol]!;
  if (a.type === "int" && b.type === "int") return operation(int, "int", a, b);
  return operation(real, "real", toReal(a), toReal(b));
}

function quotient(a: Node, b: Node, fail: Fail): Node {
  expectNumbers("/", [a, b], fail);
  const real = operation(OP.FDIV, "real", toReal(a), toReal(b));
  return a.type === "int" && b.type === "int" ? { ...real, quotient: [a, b] } : real;
}

function comparison(symbol: string, int: Operation, real: Operation, a: Node, b: Node, fail: Fail): Node {
  expectNumbers(symbol, [a, b], fail);
  if (a.type === "int" && b.type === "int") return operation(int, "boolean", a, b);
  return operation(real, "boolean", toReal(a), toReal(b));
}

function expectNumbers(what: string, operands: readonly Node[], fail: Fail): void {
  const name = what.endsWith(")") ? what : `'${what}'`;
  if (operands.some(({ type }) => type === "boolean")) fail(`${name} expects numbers, got a boolean`);
}
