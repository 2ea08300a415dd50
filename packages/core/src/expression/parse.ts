import { describe } from "../tensor.ts";
import type { LookupArray } from "./evaluate.ts";
import { constant, FALSE, lookup, type Node, OVER_S, toReal, TRUE, variable } from "./node.ts";
import { binary, call, choice, type Fail, FUNCTION_NAMES, unary } from "./operators.ts";
import { PLACEHOLDER, type Token, tokenize } from "./tokens.ts";

/** Operators of two operands, from those that bind least; all associate to the left. */
const LEVELS: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["==", "!="],
  ["<", "<=", ">", ">="],
  ["+", "-"],
  ["*", "/", "%"],
];

const LARGEST_INT = 2 ** 31 - 1;

/** What a template's text and values are parsed as. */
export interface Template {
  /** "mask" or "score", or what else calls itself in errors. */
  readonly where: string;
  readonly texts: readonly string[];
  readonly values: readonly unknown[];
  /** Whether `s` is known. */
  readonly inScore: boolean;
  /** The root of a value that is an expression itself. */
  readonly rootOf: (value: unknown) => Node | undefined;
}

/**
 * The typed form of a template: a boolean, or in a score a real.
 *
 * @throws SyntaxError, TypeError or RangeError that names the column; an interpolation counts as the four characters of `${…}`.
 */
export function parse(template: Template): Node {
  const { where, inScore } = template;
  const root = new Parser(template).all();
  if (inScore) {
    if (root.type === "boolean") throw new TypeError(`${where}: expected a number, got a boolean`);
    return toReal(root);
  }
  if (root.type !== "boolean") throw new TypeError(`${where}: expected a boolean, got a number`);
  return root;
}

class Parser {
  readonly #template: Template;
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(template: Template) {
    this.#template = template;
    this.#tokens = tokenize(template.where, template.texts, template.values);
  }

  all(): Node {
    const node = this.#choice();
    if (this.#peek().kind !== "end") this.#unexpected();
    return node;
  }

  #choice(): Node {
    const condition = this.#level(0);
    const fail = this.#failAtNext();
    if (!this.#take("?")) return condition;
    const yes = this.#choice();
    this.#expect(":");
    return choice(condition, yes, this.#choice(), fail);
  }

  #level(level: number): Node {
    const symbols = LEVELS[level];
    if (symbols === undefined) return this.#unary();
    let left = this.#level(level + 1);
    for (;;) {
      const { kind, text } = this.#peek();
      if (kind !== "symbol" || !symbols.includes(text)) return left;
      const fail = this.#failAtNext();
      this.#next++;
      left = binary(text, left, this.#level(level + 1), fail);
    }
  }

  #unary(): Node {
    const { kind, text } = this.#peek();
    if (kind !== "symbol" || (text !== "-" && text !== "!")) return this.#primary();
    const fail = this.#failAtNext();
    this.#next++;
    return unary(text, this.#unary(), fail);
  }

  #primary(): Node {
    const { kind, text, value } = this.#peek();
    switch (kind) {
      case "number": {
        this.#next++;
        const number = Number(text);
        return constant(/^\d+$/.test(text) && number <= LARGEST_INT ? "int" : "real", number);
      }
      case "name":
        return this.#name(text);
      case "value":
        return this.#value(value);
      case "symbol":
        if (!this.#take("(")) return this.#unexpected();
        return this.#closed(this.#choice());
      case "end":
        return this.#unexpected();
      default:
        return kind satisfies never;
    }
  }

  #name(name: string): Node {
    const fail = this.#failAtNext();
    this.#next++;
    if (name === "true") return TRUE;
    if (name === "false") return FALSE;
    if (FUNCTION_NAMES.includes(name)) {
      this.#expect("(");
      const args = [this.#choice()];
      while (this.#take(",")) args.push(this.#choice());
      return call(name, this.#closed(args), fail);
    }
    const { where, inScore } = this.#template;
    if (name === "s" && !inScore) throw new SyntaxError(`${where}: 's' is only known in a score${this.#at(-1)}`);
    const node = variable(name);
    if (node !== undefined) return node;
    const variables = inScore ? "q, k, b, h and s" : "q, k, b and h";
    throw new SyntaxError(
      `${where}: unknown name '${name}'${this.#at(-1)}, expected ${variables}, or a function: ${FUNCTION_NAMES.join(", ")}`,
    );
  }

  #value(value: unknown): Node {
    const { where, inScore, rootOf } = this.#template;
    const column = this.#at(0);
    this.#next++;
    if (typeof value === "number") {
      if (Number.isNaN(value)) throw new RangeError(`${where}: ${PLACEHOLDER}${column} is NaN, expected a number`);
      const int = Number.isInteger(value) && Math.abs(value) <= LARGEST_INT;
      return int ? constant("int", value | 0) : constant("real", value);
    }
    if (typeof value === "boolean") return value ? TRUE : FALSE;
    if (isLookupArray(value)) return this.#lookup(value, column);
    const root = rootOf(value);
    if (root === undefined) {
      throw new TypeError(
        `${where}: ${PLACEHOLDER}${column} is ${describe(value)}, expected a number, a typed array of numbers, a mask or a score`,
      );
    }
    if (!inScore && (root.over & OVER_S) !== 0) throw new TypeError(`${where}: 's' is only known in a score${column}`);
    return root;
  }

  #lookup(array: LookupArray, column: string): Node {
    const { where } = this.#template;
    if (array.length === 0) throw new RangeError(`${where}: the array${column} is empty`);
    if (array instanceof Uint32Array) {
      const large = array.find((value) => value > LARGEST_INT);
      if (large !== undefined) {
        throw new RangeError(`${where}: the array${column} holds ${large}, expected at most ${LARGEST_INT}`);
      }
    }
    const fail = this.#failAtNext();
    this.#expect("[");
    const index = this.#choice();
    if (index.type !== "int") {
      fail(`an index expects an int, got a ${index.type === "real" ? "real" : "boolean"}`);
    }
    this.#expect("]");
    return lookup(array, index);
  }

  #closed<T>(inside: T): T {
    this.#expect(")");
    return inside;
  }

  #peek(): Token {
    return this.#tokens[this.#next]!;
  }

  #take(symbol: string): boolean {
    const { kind, text } = this.#peek();
    const taken = kind === "symbol" && text === symbol;
    if (taken) this.#next++;
    return taken;
  }

  #expect(symbol: string): void {
    if (this.#take(symbol)) return;
    const { kind, text } = this.#peek();
    const got = kind === "end" || kind === "value" ? text : `'${text}'`;
    throw new SyntaxError(`${this.#template.where}: expected '${symbol}'${this.#at(0)}, got ${got}`);
  }

  #unexpected(): never {
    const { kind, text } = this.#peek();
    const what = kind === "end" || kind === "value" ? text : `'${text}'`;
    throw new SyntaxError(`${this.#template.where}: unexpected ${what}${this.#at(0)}`);
  }

  /** " at column n" of the token that is `from` tokens after the next one. */
  #at(from: number): string {
    return ` at column ${this.#tokens[this.#next + from]!.column}`;
  }

  /** For type errors of an operator that is the next token, when its operands are known. */
  #failAtNext(): Fail {
    const { where } = this.#template;
    const column = this.#at(0);
    return (problem) => {
      throw new TypeError(`${where}: ${problem}${column}`);
    };
  }
}

const LOOKUP_ARRAYS = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
];

function isLookupArray(value: unknown): value is LookupArray {
  return LOOKUP_ARRAYS.some((type) => value instanceof type);
}
