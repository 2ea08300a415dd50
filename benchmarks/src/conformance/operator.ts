import type { RunInfo, RuntimeName } from "@saccade/core";
import type { AttributeValue, OnnxGraph, OnnxTensor } from "./proto.ts";
import { Unsupported } from "./unsupported.ts";

/** One operator with its inputs. */
export interface OperatorCall {
  readonly operator: string;
  /** undefined where the model leaves an input out. */
  readonly inputs: readonly (OnnxTensor | undefined)[];
  readonly attributes: ReadonlyMap<string, AttributeValue>;
  /** Which outputs the model takes. */
  readonly wanted: readonly boolean[];
  /** Values of the graph around the operator, which graphs among its attributes may name. */
  readonly outer?: ReadonlyMap<string, OnnxTensor>;
  /** Where attention runs. */
  readonly runtime: "auto" | RuntimeName;
  /** Told what the outputs that attention computes ran on. */
  readonly onRun?: ((ran: RunInfo) => void) | undefined;
}

/** Outputs in the operator's order; undefined where none was wanted. */
export type Operator = (call: OperatorCall) => Promise<readonly (OnnxTensor | undefined)[]>;

/** Input `index`, which the operator cannot do without. */
export function requiredInput(call: OperatorCall, index: number): OnnxTensor {
  const input = call.inputs[index];
  if (input === undefined) throw new TypeError(`${call.operator}: expected an input ${index}`);
  return input;
}

/** A number among the attributes. */
export function numberAttribute(call: OperatorCall, name: string): number | undefined {
  const value = call.attributes.get(name);
  if (value === undefined || typeof value === "number") return value;
  throw new TypeError(`${call.operator}: attribute ${name} is ${inWords(value)}, expected a number`);
}

/** A graph among the attributes. */
export function graphAttribute(call: OperatorCall, name: string): OnnxGraph | undefined {
  const value = call.attributes.get(name);
  if (value === undefined || (typeof value === "object" && "nodes" in value)) return value;
  throw new TypeError(`${call.operator}: attribute ${name} is ${inWords(value)}, expected a graph`);
}

const inWords = (value: AttributeValue): string => {
  if (typeof value === "string") return `"${value}"`;
  if (typeof value === "number") return String(value);
  return "nodes" in value ? "a graph" : "a tensor";
};

/** Stops at the first attribute outside `known`; `inert` names values of others that change nothing. */
export function checkAttributes(
  call: OperatorCall,
  known: readonly string[],
  inert: Readonly<Record<string, number | string>>,
): void {
  for (const [name, value] of call.attributes) {
    if (known.includes(name) || inert[name] === value) continue;
    throw new Unsupported(`${call.operator} attribute ${name}`);
  }
}
