import type { Term } from "./template-term.ts";

/** An operator of ONNX as a template: `_` stands for its inputs in their order. */
export interface Elementwise {
  readonly takes: readonly Term["type"][];
  readonly gives: Term["type"];
  readonly text: string;
}

const number = (text: string, ...takes: Term["type"][]): Elementwise => ({ takes, gives: "number", text });
const boolean = (text: string, ...takes: Term["type"][]): Elementwise => ({ takes, gives: "boolean", text });

/** Operators whose every output element is a function of the input elements at the same place. */
export const ELEMENTWISE: ReadonlyMap<string, Elementwise> = new Map([
  ["Identity", number("_", "number")],
  ["Neg", number("-_", "number")],
  ["Abs", number("abs(_)", "number")],
  ["Exp", number("exp(_)", "number")],
  ["Log", number("log(_)", "number")],
  ["Tanh", number("tanh(_)", "number")],
  ["Floor", number("floor(_)", "number")],
  ["Ceil", number("-floor(-_)", "number")],
  ["Sqrt", number("exp(0.5 * log(_))", "number")],
  ["Reciprocal", number("1 / _", "number")],
  ["Relu", number("max(_, 0)", "number")],
  ["Sigmoid", number("1 / (1 + exp(-_))", "number")],
  ["Add", number("_ + _", "number", "number")],
  ["Sub", number("_ - _", "number", "number")],
  ["Mul", number("_ * _", "number", "number")],
  ["Div", number("_ / _", "number", "number")],
  ["Min", number("min(_, _)", "number", "number")],
  ["Max", number("max(_, _)", "number", "number")],
  ["Where", number("_ ? _ : _", "boolean", "number", "number")],
  ["Less", boolean("_ < _", "number", "number")],
  ["LessOrEqual", boolean("_ <= _", "number", "number")],
  ["Greater", boolean("_ > _", "number", "number")],
  ["GreaterOrEqual", boolean("_ >= _", "number", "number")],
  ["Equal", boolean("_ == _", "number", "number")],
  ["And", boolean("_ && _", "boolean", "boolean")],
  ["Or", boolean("_ || _", "boolean", "boolean")],
  ["Xor", boolean("_ != _", "boolean", "boolean")],
  ["Not", boolean("!_", "boolean")],
]);
