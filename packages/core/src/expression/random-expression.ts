import fc from "fast-check";
import type { ExpressionValue } from "./expression.ts";

/** A random expression's template: `tag(template.texts, ...template.values)`. */
export interface RandomTemplate {
  readonly texts: TemplateStringsArray;
  readonly values: readonly ExpressionValue[];
}

const DOCUMENTS = Int32Array.from({ length: 300 }, (_, i) => Math.floor(i / 23));
const BYTES = Uint8Array.from({ length: 70 }, (_, i) => (i * 73) % 256);
const REALS = Float64Array.from({ length: 130 }, (_, i) => ((i * 37) % 41) / 4 - 3);
const SLOPES = Float32Array.of(0.5, 0.25, 0.125);
const ARRAYS = [DOCUMENTS, BYTES];
const REAL_ARRAYS = [REALS, SLOPES];

/** Literals are exact in f32, so that only operations round. */
const literal = fc.oneof(
  fc.integer({ min: 0, max: 9 }),
  fc.constantFrom(16, 64, 100, 128, 1000),
  fc.constantFrom(65535, 2 ** 30, 2 ** 31 - 1),
);

const pieces = (name: "q" | "k", arrays: readonly ExpressionValue[]): fc.Arbitrary<unknown[]> =>
  fc.constantFrom(...arrays).map((array) => [array, `[${name}]`]);

/** Nested lists of texts (strings) and values (anything else). */
const grammar = fc.letrec<Record<"int" | "real" | "boolean", unknown[]>>((tie) => {
  const [int, real, boolean] = [tie("int"), tie("real"), tie("boolean")];
  const two = (a: fc.Arbitrary<unknown[]>, b: fc.Arbitrary<unknown[]>, ...symbols: string[]) =>
    fc.tuple(a, fc.constantFrom(...symbols), b).map(([x, symbol, y]) => ["(", x, ` ${symbol} `, y, ")"]);
  const named = (a: fc.Arbitrary<unknown[]>, ...names: string[]) =>
    fc.tuple(fc.constantFrom(...names), a).map(([name, x]) => [`${name}(`, x, ")"]);
  const named2 = (a: fc.Arbitrary<unknown[]>) =>
    fc.tuple(fc.constantFrom("min", "max"), a, a).map(([name, x, y]) => [`${name}(`, x, ", ", y, ")"]);
  const chosen = (a: fc.Arbitrary<unknown[]>) =>
    fc.tuple(boolean, a, a).map(([x, y, z]) => ["(", x, " ? ", y, " : ", z, ")"]);
  return {
    int: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom<unknown[]>(["q"], ["k"], ["(q - k)"], ["h"], ["b"]),
      literal.map((value) => [String(value)]),
      fc.oneof(pieces("q", ARRAYS), pieces("k", ARRAYS)),
      two(int, int, "+", "-", "*", "%"),
      fc.tuple(int, int).map(([x, y]) => ["floor(", x, " / ", y, ")"]),
      named(int, "abs", "-", "floor"),
      named2(int),
      chosen(int),
      fc.tuple(fc.constantFrom(...ARRAYS), int).map(([array, index]) => [array, "[", index, "]"]),
    ),
    real: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom<unknown[]>(["0.5"], ["2.0"], ["1e3"], [Infinity], ["0.0"]),
      fc.oneof(pieces("q", REAL_ARRAYS), pieces("k", REAL_ARRAYS)),
      int.map((x) => ["(", x, " * 1.0)"]),
      two(real, real, "+", "-", "*", "/", "%"),
      two(int, int, "/"),
      named(real, "abs", "-", "floor", "exp", "log", "tanh"),
      named2(real),
      chosen(real),
    ),
    boolean: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      two(int, int, "<", "<=", ">", ">=", "==", "!="),
      two(real, real, "<", "<=", ">", ">=", "==", "!="),
      two(boolean, boolean, "&&", "||", "=="),
      named(boolean, "!"),
      chosen(boolean),
    ),
  };
});

function templateOf(nested: unknown[]): RandomTemplate {
  const texts = [""];
  const values: ExpressionValue[] = [];
  for (const piece of nested.flat(Infinity)) {
    if (typeof piece === "string") {
      texts[texts.length - 1] += piece;
    } else {
      values.push(piece as ExpressionValue);
      texts.push("");
    }
  }
  return { texts: Object.assign(texts, { raw: texts }), values };
}

export const randomMasks: fc.Arbitrary<RandomTemplate> = grammar.boolean.map(templateOf);
export const randomScores: fc.Arbitrary<RandomTemplate> = fc
  .tuple(grammar.real, fc.boolean())
  .map(([real, added]) => templateOf(added ? ["(s + ", real, ")"] : ["tanh(s) * (", real, ")"]));

/** Positions of pairs, some far away. */
export const randomPairs: fc.Arbitrary<{ q: number; k: number; b: number; h: number }> = fc.record({
  q: fc.oneof(fc.integer({ min: -40, max: 400 }), fc.integer({ min: -(2 ** 30), max: 2 ** 30 })),
  k: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 2 ** 30 })),
  b: fc.integer({ min: 0, max: 3 }),
  h: fc.integer({ min: 0, max: 5 }),
});
