import type { Score } from "@saccade/core";
import { ELEMENTWISE } from "./elementwise-operators.ts";
import { operatorName } from "./operator-name.ts";
import type { PairShape } from "./pair-terms.ts";
import type { OnnxGraph, OnnxNode, OnnxTensor } from "./proto.ts";
import { compose, scoreOf, scoreTerm, term, type Term } from "./template-term.ts";
import { Unsupported } from "./unsupported.ts";

/** Where a graph stands: what it is called in messages, the matrix that it maps, the values around it. */
export interface GraphPlace {
  readonly name: string;
  readonly pairs: PairShape;
  readonly outer: ReadonlyMap<string, OnnxTensor>;
}

/**
 * Compiles a graph that maps a matrix [B, H, N, M] element by element to an expression, so that nothing of N x M is ever held. Tensors in it
 * become lookups by b, h, q and k, broadcast as ONNX does; q is the index of the query, so calls have a query offset of 0.
 *
 * @param input what the graph's one input is at a pair
 * @throws Unsupported when an operator is not elementwise or cannot be written as an expression
 */
export function compileElementwise(graph: OnnxGraph, input: Score, place: GraphPlace): Score {
  const { inputs, outputs } = graph;
  if (inputs.length !== 1 || outputs.length !== 1) {
    const given = `${inputs.length} inputs and ${outputs.length} outputs`;
    throw new TypeError(`${place.name}: expected a graph of one input and one output, got ${given}`);
  }
  const tensors = new Map(graph.constants);
  const terms = new Map<string, Term>([[inputs[0]!, scoreTerm(input)]]);
  const termOf = (name: string): Term => {
    const known = terms.get(name);
    if (known !== undefined) return known;
    const tensor = tensors.get(name) ?? place.outer.get(name);
    if (tensor === undefined) throw new TypeError(`${place.name}: nothing computes ${name}`);
    const made = tensorTerm(name, tensor, place);
    terms.set(name, made);
    return made;
  };
  for (const node of graph.nodes) {
    const output = node.outputs[0]!;
    const value = node.attributes.get("value");
    if (node.operator === "Constant" && typeof value === "object" && "values" in value) tensors.set(output, value);
    else
      terms.set(
        output,
        nodeTerm(
          node,
          node.inputs.map((name) => (name === "" ? undefined : termOf(name))),
          place,
        ),
      );
  }
  return scoreOf(expected("number", termOf(outputs[0]!), place.name));
}

const nodeTerm = (node: OnnxNode, inputs: readonly (Term | undefined)[], { name }: GraphPlace): Term => {
  const operator = operatorName(node.domain, node.operator);
  const where = `${name}: ${operator}`;
  const given = inputs.filter((input) => input !== undefined);
  switch (operator) {
    case "Min":
    case "Max":
      return given.reduce((a, b) => elementwise(operator, [a, b], where));
    case "Clip": {
      const [x, least, most] = inputs;
      const raised = least === undefined ? x! : elementwise("Max", [x!, least], where);
      return most === undefined ? raised : elementwise("Min", [raised, most], where);
    }
    case "Cast":
      return cast(node, given[0]!, name);
    case "Pow":
      return power(given, where);
    default:
      return elementwise(operator, given, where);
  }
};

const elementwise = (operator: string, inputs: readonly Term[], where: string): Term => {
  const known = ELEMENTWISE.get(operator);
  if (known === undefined) throw new Unsupported(`${where} inside a graph`);
  if (inputs.length !== known.takes.length) {
    throw new TypeError(`${where}: expected ${known.takes.length} inputs, got ${inputs.length}`);
  }
  for (const [i, type] of known.takes.entries()) expected(type, inputs[i]!, where);
  return compose(known.gives, known.text.split("_"), inputs);
};

const [FLOAT, BOOL, DOUBLE] = [1, 9, 11];
/** Higher ones are no longer short as products. */
const LARGEST_POWER = 8;

const cast = (node: OnnxNode, input: Term, name: string): Term => {
  const to = node.attributes.get("to");
  if (to === BOOL) return input.type === "boolean" ? input : compose("boolean", ["", " != 0"], [input]);
  if (to !== FLOAT && to !== DOUBLE) throw new Unsupported(`${name}: Cast to element type ${to as number}`);
  return input.type === "number" ? input : compose("number", ["", " ? 1 : 0"], [input]);
};

/** By a whole constant, so that a negative base has its sign. */
const power = (inputs: readonly Term[], where: string): Term => {
  const [base, exponent] = inputs.map((input) => expected("number", input, where)) as [Term, Term];
  const { constant } = exponent;
  if (constant === 0.5) return elementwise("Sqrt", [base], where);
  if (constant === undefined || !Number.isInteger(constant) || constant < 1 || constant > LARGEST_POWER) {
    throw new Unsupported(`${where} by ${constant ?? "a tensor"}`);
  }
  return Array.from({ length: constant }, () => base).reduce((a, b) => elementwise("Mul", [a, b], where));
};

/** A tensor that broadcasts to [B, H, N, M]: a number, or a lookup. */
const tensorTerm = (name: string, { type, shape, values }: OnnxTensor, { pairs, name: where }: GraphPlace): Term => {
  const boolean = type === "bool";
  if (!boolean && !["float", "double", "float16", "bfloat16"].includes(type)) {
    throw new Unsupported(`${where}: ${name} of ${type}`);
  }
  const kind = boolean ? "boolean" : "number";
  if (values.length === 1) {
    const [value] = values as unknown as [number];
    if (Number.isNaN(value)) throw new Unsupported(`${where}: ${name} is NaN`);
    return boolean ? term(kind, [value === 0 ? "false" : "true"]) : { ...term(kind, ["", ""], value), constant: value };
  }
  const full = [pairs.batch, pairs.heads, pairs.queries, pairs.keys];
  const padded = [...Array.from({ length: 4 - shape.length }, () => 1), ...shape];
  if (shape.length > 4 || padded.some((size, axis) => size !== 1 && size !== full[axis])) {
    throw new TypeError(`${where}: ${name} of [${shape.join(", ")}] does not broadcast to [${full.join(", ")}]`);
  }
  const index = padded.reduce((sum, size, axis) => (size === 1 ? sum : `(${sum}) * ${size} + ${"bhqk"[axis]!}`), "0");
  const lookup = ["", `[${index}]${boolean ? " != 0" : ""}`];
  return term(kind, lookup, boolean ? Uint8Array.from(values) : Float32Array.from(values));
};

const expected = (type: Term["type"], value: Term, where: string): Term => {
  if (value.type !== type) throw new TypeError(`${where}: expected a ${type}, got a ${value.type}`);
  return value;
};
