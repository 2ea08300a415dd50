import { score } from "@saccade/core";
import { describe, expect, test } from "vitest";
import { compileElementwise } from "./elementwise-graph.ts";
import type { OnnxGraph, OnnxTensor } from "./proto.ts";
import { floats, graphOfNodes } from "./test-folder.ts";
import { Unsupported } from "./unsupported.ts";

const PAIRS = { batch: 2, heads: 3, queries: 4, keys: 5 };
const flags = (shape: readonly number[], values: readonly number[]): OnnxTensor => ({
  type: "bool",
  shape,
  values: Float64Array.from(values),
});

const compiled = (graph: OnnxGraph, outer: Readonly<Record<string, OnnxTensor>> = {}) =>
  compileElementwise(graph, score`s`, { name: "score_mod", pairs: PAIRS, outer: new Map(Object.entries(outer)) });

describe("a graph becomes an expression", () => {
  const of = (nodes: Parameters<typeof graphOfNodes>[0], x: number, constants: Record<string, OnnxTensor> = {}) =>
    compiled(graphOfNodes(nodes, constants)).at({ q: 0, k: 0, s: x });

  test("without nodes it is the identity", () => {
    expect(of([], 1.25)).toBe(1.25);
  });

  test.each<[string, number, number]>([
    ["Identity", -2.5, -2.5],
    ["Neg", -2.5, 2.5],
    ["Abs", -2.5, 2.5],
    ["Exp", 1, Math.E],
    ["Log", 4, Math.log(4)],
    ["Tanh", 0.5, Math.tanh(0.5)],
    ["Floor", -2.5, -3],
    ["Ceil", -2.5, -2],
    ["Sqrt", 9, 3],
    ["Sqrt", 0, 0],
    ["Reciprocal", 4, 0.25],
    ["Relu", -1, 0],
    ["Sigmoid", 0, 0.5],
  ])("%s of %f", (operator, x, y) => {
    expect(of([[operator, ["x"], "y"]], x)).toBeCloseTo(y, 12);
  });

  test.each<[string, number, number]>([
    ["Add", -2, 1],
    ["Sub", -2, -5],
    ["Mul", -2, -6],
    ["Div", -6, -2],
    ["Min", 4, 3],
    ["Max", 4, 4],
    ["Pow", -2, -8],
  ])("%s of %f and 3", (operator, x, y) => {
    expect(of([[operator, ["x", "three"], "y"]], x, { three: floats([], [3]) })).toBe(y);
  });

  test.each<[string, readonly number[]]>([
    ["Less", [1, 0, 0]],
    ["LessOrEqual", [1, 1, 0]],
    ["Greater", [0, 0, 1]],
    ["GreaterOrEqual", [0, 1, 1]],
    ["Equal", [0, 1, 0]],
  ])("%s chooses", (operator, expected) => {
    const nodes = [
      [operator, ["x", "three"], "c"],
      ["Cast", ["c"], "y", { to: 1 }],
    ] as const;
    expect([2, 3, 4].map((x) => of(nodes, x, { three: floats([1], [3]) }))).toEqual(expected);
  });

  test("logic and Where", () => {
    const nodes = [
      ["Greater", ["x", "zero"], "positive"],
      ["Less", ["x", "one"], "small"],
      ["And", ["positive", "small"], "inside"],
      ["Not", ["inside"], "outside"],
      ["Xor", ["outside", "positive"], "odd"],
      ["Or", ["inside", "odd"], "either"],
      ["Where", ["either", "x", "one"], "y"],
    ] as const;
    const constants = { zero: floats([], [0]), one: floats([], [1]) };
    // Outside and not positive, inside, outside and positive.
    expect([-2, 0.5, 3].map((x) => of(nodes, x, constants))).toEqual([-2, 0.5, 1]);
  });

  test("Min and Max of any number, Clip with either bound", () => {
    const constants = { low: floats([], [-1]), high: floats([], [2]) };
    expect(of([["Max", ["x", "low", "high"], "y"]], 5, constants)).toBe(5);
    expect([-3, 0, 3].map((x) => of([["Clip", ["x", "low", "high"], "y"]], x, constants))).toEqual([-1, 0, 2]);
    expect([-3, 3].map((x) => of([["Clip", ["x", "", "high"], "y"]], x, constants))).toEqual([-3, 2]);
  });

  test("a softcap: constants of nodes, an output that is used twice", () => {
    const nodes = [
      ["Constant", [], "cap", { value: floats([], [5]) }],
      ["Div", ["x", "cap"], "ratio"],
      ["Tanh", ["ratio"], "bounded"],
      ["Mul", ["bounded", "cap"], "y"],
    ] as const;
    expect(of(nodes, 3)).toBeCloseTo(5 * Math.tanh(0.6), 12);
    const doubled = Array.from({ length: 10 }, (_, i) => ["Add", [`v${i}`, `v${i}`], `v${i + 1}`] as const);
    expect(of([["Identity", ["x"], "v0"], ...doubled], 1)).toBe(2 ** 10);
  });
});

describe("tensors of a graph are lookups that broadcast to [B, H, N, M]", () => {
  const added = (bias: OnnxTensor) => compiled(graphOfNodes([["Add", ["x", "bias"], "y"]], { bias }));
  const counted = (length: number): number[] => Array.from({ length }, (_, i) => i);
  const at = { b: 1, h: 2, q: 3, k: 4, s: 0.5 };

  test.each<[string, readonly number[], number]>([
    ["[M]", [5], 4],
    ["[N, 1]", [4, 1], 3],
    ["[H, 1, 1]", [3, 1, 1], 2],
    ["[B, 1, 1, M]", [2, 1, 1, 5], 9],
    ["[B, H, N, M]", [2, 3, 4, 5], 119],
  ])("%s", (_, shape, expected) => {
    const length = shape.reduce((product, size) => product * size, 1);
    expect(added(floats(shape, counted(length))).at(at)).toBe(expected + 0.5);
  });

  test("also of the graph around it, and of booleans", () => {
    const graph = graphOfNodes([["Where", ["shown", "x", "hidden"], "y"]], { hidden: floats([], [-Infinity]) });
    const masked = compiled(graph, { shown: flags([5], [1, 1, 0, 1, 1]) });
    expect([1, 2].map((k) => masked.at({ q: 0, k, s: 7 }))).toEqual([7, -Infinity]);
  });

  test("which do not broadcast are refused", () => {
    expect(() => added(floats([4], counted(4)))).toThrow("score_mod: bias of [4] does not broadcast to [2, 3, 4, 5]");
  });
});

describe("what cannot be an expression is named", () => {
  const refused = (nodes: Parameters<typeof graphOfNodes>[0], constants: Record<string, OnnxTensor> = {}) =>
    expect(() => compiled(graphOfNodes(nodes, constants)));

  test("an operator that is not elementwise", () => {
    refused([["Softmax", ["x"], "y"]]).toThrow(new Unsupported("score_mod: Softmax inside a graph"));
    refused([["Pow", ["x", "x"], "y"]]).toThrow(new Unsupported("score_mod: Pow by a tensor"));
    refused([["Cast", ["x"], "y", { to: 10 }]]).toThrow(new Unsupported("score_mod: Cast to element type 10"));
  });

  test("integers, whose arithmetic is another", () => {
    const three: OnnxTensor = { type: "int64", shape: [], values: Float64Array.of(3) };
    refused([["Add", ["x", "three"], "y"]], { three }).toThrow(new Unsupported("score_mod: three of int64"));
  });

  test("a graph that does not fit together", () => {
    refused([["Add", ["x", "nothing"], "y"]]).toThrow("score_mod: nothing computes nothing");
    refused([["Add", ["x"], "y"]]).toThrow("score_mod: Add: expected 2 inputs, got 1");
    refused([["Not", ["x"], "y"]]).toThrow("score_mod: Not: expected a boolean, got a number");
    refused([["Less", ["x", "x"], "y"]]).toThrow("score_mod: expected a number, got a boolean");
    expect(() => compiled({ ...graphOfNodes([]), inputs: [] })).toThrow(
      "score_mod: expected a graph of one input and one output, got 0 inputs and 1 outputs",
    );
  });
});
