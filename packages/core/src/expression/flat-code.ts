import type { Node } from "./node.ts";

/** An expression as a list: every operation once, operands before what uses them, the result last. */
export interface FlatCode {
  readonly nodes: readonly Node[];
  /** Indices into `nodes` of every node's operands. */
  readonly operands: readonly (readonly number[])[];
}

/** Common subexpressions, found by what they compute, stand once. */
export function flatten(root: Node): FlatCode {
  const nodes: Node[] = [];
  const operands: number[][] = [];
  const indexOf = new Map<Node, number>();
  const indexOfKey = new Map<string, number>();
  const arrays = new Map<unknown, number>();
  const visit = (node: Node): number => {
    const known = indexOf.get(node);
    if (known !== undefined) return known;
    const inputs = node.operands.map(visit);
    if (node.array !== undefined && !arrays.has(node.array)) arrays.set(node.array, arrays.size);
    const value = Object.is(node.value, -0) ? "-0" : String(node.value);
    const key = [node.op, node.type, value, arrays.get(node.array), ...inputs].join();
    let index = indexOfKey.get(key);
    if (index === undefined) {
      index = nodes.length;
      nodes.push(node);
      operands.push(inputs);
      indexOfKey.set(key, index);
    }
    indexOf.set(node, index);
    return index;
  };
  visit(root);
  return { nodes, operands };
}
