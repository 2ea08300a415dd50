import { describe } from "../tensor.ts";
import { drawMask, type DrawOptions } from "./draw.ts";
import { type Evaluator, evaluator, type LookupArray } from "./evaluate.ts";
import { conjunction, disjunction, FALSE, negation, type Node, OVER_B, OVER_H, TRUE } from "./node.ts";
import { parse } from "./parse.ts";

/** A pair of a query and a key. */
export interface Pair {
  /** Position of the query: its index plus the query offset. May be negative. */
  readonly q: number;
  /** Index of the key. */
  readonly k: number;
  /** Batch element. Default 0. */
  readonly b?: number | undefined;
  /** Query head. Default 0. */
  readonly h?: number | undefined;
}

/** A pair with its score so far. */
export interface ScoredPair extends Pair {
  /** Default 0. */
  readonly s?: number | undefined;
}

/** What can stand in a template: numbers, arrays to look numbers up in, and other expressions. */
export type ExpressionValue = number | boolean | LookupArray | Mask | Score;

/** Kept beside the expressions, so that nodes are no part of what is public. */
const roots = new WeakMap<Mask | Score, Node>();

/** Which pairs are visible, as an expression: made by `mask`, `and`, `or`, `not` or `parseMask`. It never changes. */
export class Mask {
  /** The expression's text, with what was interpolated written out. */
  readonly source: string;
  #evaluator: Evaluator | undefined;

  constructor(source: string, root: Node) {
    this.source = source;
    roots.set(this, root);
  }

  /** Whether a pair is visible, by the definition. */
  at({ q, k, b = 0, h = 0 }: Pair): boolean {
    this.#evaluator ??= evaluator(rootOf(this));
    return this.#evaluator({ q, k, b, h, s: 0 }) === 1;
  }

  /** A drawing, one character a pair: `#` visible, `.` hidden; queries are rows. */
  draw(options: DrawOptions = {}): string {
    return drawMask(this, options);
  }

  /** A drawing of the first 16 queries and keys. */
  toString(): string {
    return this.draw();
  }
}

/** What becomes of a score, as an expression: made by `score`. It never changes. */
export class Score {
  /** The expression's text, with what was interpolated written out. */
  readonly source: string;
  #evaluator: Evaluator | undefined;

  constructor(source: string, root: Node) {
    this.source = source;
    roots.set(this, root);
  }

  /** The score of a pair, in f64. */
  at({ q, k, b = 0, h = 0, s = 0 }: ScoredPair): number {
    this.#evaluator ??= evaluator(rootOf(this));
    return this.#evaluator({ q, k, b, h, s });
  }

  toString(): string {
    return this.source;
  }
}

/** The typed form of an expression. */
export function rootOf(expression: Mask | Score): Node {
  return roots.get(expression)!;
}

/** A mask that is worth what a node is worth. */
export function maskOf(source: string, root: Node): Mask {
  return new Mask(source, root);
}

/**
 * A mask: which pairs of a query and a key are visible, as a boolean expression over
 *
 * | name | meaning |
 * | --- | --- |
 * | `q` | position of the query: index + queryOffset, may be negative |
 * | `k` | index of the key |
 * | `b`, `h` | batch element, query head |
 *
 * with JavaScript's operators and precedence: `+ - * / %`, comparisons, `== !=`, `&& || !`, `?:`, and the functions
 * `min max abs floor exp log tanh`. Interpolated are numbers, arrays that are looked up in, and other expressions.
 *
 * - Ints have 32 bits and wrap; beside a real they become real: f64 in the reference, f32 in kernels. Literals without a point, and
 *   interpolated numbers that are integers, are ints where they fit.
 * - `/` is the real quotient, but `floor(a / b)` of two ints is their exact integer quotient, rounded down, 0 for b = 0.
 *   `%` has the sign of the divisor; ints modulo 0 are 0.
 * - `${array}[index]`: an array of integers gives ints, of floats reals. An index beyond an end means that end. Arrays are held, not
 *   copied, and must not change once the mask was used: schedules are built from what they hold, and kept.
 *
 * @throws SyntaxError, TypeError or RangeError, with the column in the template; an interpolation counts as the four of `${…}`.
 * @example
 * mask`q >= k && q - k < ${window}`
 * mask`${document}[q] == ${document}[k] && k <= q`
 */
export function mask(texts: TemplateStringsArray, ...values: readonly ExpressionValue[]): Mask {
  const root = parse({ where: "mask", texts: texts.raw, values, inScore: false, rootOf: rootOfValue });
  return new Mask(sourceOf(texts.raw, values), root);
}

/**
 * A score: what becomes of the score of a pair before the softmax, as a number over the names of `mask` and `s`, the scaled (and
 * capped) product of query and key. The language is that of `mask`.
 *
 * @throws SyntaxError, TypeError or RangeError, with the column in the template; an interpolation counts as the four of `${…}`.
 * @example score`s - ${slopes}[h] * (q - k)`
 */
export function score(texts: TemplateStringsArray, ...values: readonly ExpressionValue[]): Score {
  const root = parse({ where: "score", texts: texts.raw, values, inScore: true, rootOf: rootOfValue });
  return new Score(sourceOf(texts.raw, values), root);
}

/**
 * The mask that a text describes, in the language of `mask` without interpolations.
 *
 * @throws SyntaxError, TypeError or RangeError, with the column.
 */
export function parseMask(text: string): Mask {
  if (typeof text !== "string") throw new TypeError(`parseMask: expected a text, got ${describe(text)}`);
  return new Mask(
    text.trim(),
    parse({ where: "mask", texts: [text], values: [], inScore: false, rootOf: rootOfValue }),
  );
}

/** What all of the masks show; without any, everything. */
export function and(...masks: readonly Mask[]): Mask {
  return new Mask(joined("and", " && ", "true", masks), masks.map(rootOf).reduce(conjunction, TRUE));
}

/** What any of the masks shows; without any, nothing. */
export function or(...masks: readonly Mask[]): Mask {
  return new Mask(joined("or", " || ", "false", masks), masks.map(rootOf).reduce(disjunction, FALSE));
}

/** What the mask hides. */
export function not(hidden: Mask): Mask {
  return new Mask(`!${joined("not", "", "", [hidden])}`, negation(rootOf(hidden)));
}

/** Whether a mask may show other pairs for another batch element, or for another query head. */
export function tellsApart(shown: Mask): { readonly batch: boolean; readonly heads: boolean } {
  const { over } = rootOf(shown);
  return { batch: (over & OVER_B) !== 0, heads: (over & OVER_H) !== 0 };
}

function joined(where: string, operator: string, none: string, masks: readonly Mask[]): string {
  for (const each of masks) {
    if (!(each instanceof Mask)) throw new TypeError(`${where}: expected masks, got ${describe(each)}`);
  }
  return masks.length === 0 ? none : masks.map(({ source }) => `(${source})`).join(operator);
}

function rootOfValue(value: unknown): Node | undefined {
  return value instanceof Mask || value instanceof Score ? rootOf(value) : undefined;
}

function sourceOf(texts: readonly string[], values: readonly ExpressionValue[]): string {
  return texts.reduce((source, text, i) => source + written(values[i - 1]!) + text).trim();
}

function written(value: ExpressionValue): string {
  if (value instanceof Mask || value instanceof Score) return `(${value.source})`;
  return typeof value === "object" ? `${value.constructor.name}(${value.length})` : String(value);
}
