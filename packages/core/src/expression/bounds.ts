import { type Mask, rootOf } from "./expression.ts";
import { flatten } from "./flat-code.ts";
import { Intervals } from "./intervals.ts";
import { type Node, OVER_K } from "./node.ts";
import { OP } from "./operations.ts";
import { type RangeBounds, rangeBoundsOf } from "./range-bounds.ts";

/** How much of a rectangle of pairs a mask shows, as far as its bounds tell: "some" also where they do not tell. */
export type Decision = "none" | "all" | "some";

/** An operation with its registers; operands that it does not take repeat the first. */
interface Step {
  readonly node: Node;
  readonly to: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly range: RangeBounds | undefined;
}

const known = new WeakMap<Mask, MaskBounds>();

/** The bounds of a mask, made once. Whoever asks sets the queries, and is done with it before somebody else asks. */
export function boundsOf(mask: Mask): MaskBounds {
  let bounds = known.get(mask);
  if (bounds === undefined) known.set(mask, (bounds = new MaskBounds(mask)));
  return bounds;
}

/**
 * What a mask shows of ranges of keys, for one range of queries after another. What does not depend on the key is worked out once for a
 * range of queries; neither step allocates.
 */
export class MaskBounds {
  readonly #intervals: Intervals;
  /** Steps that do not depend on the key, and those that do. */
  readonly #rowSteps: readonly Step[];
  readonly #keySteps: readonly Step[];
  #q0 = 0;
  #q1 = 0;
  #b = 0;
  #h0 = 0;
  #h1 = 0;
  #k0 = 0;
  #k1 = 0;

  constructor(mask: Mask) {
    const { nodes, operands } = flatten(rootOf(mask));
    this.#intervals = new Intervals(nodes.length);
    const steps = nodes.map((node, to): Step => {
      const [a = 0, b = a, c = a] = operands[to]!;
      return { node, to, a, b, c, range: node.array && rangeBoundsOf(node.array) };
    });
    this.#rowSteps = steps.filter(({ node }) => (node.over & OVER_K) === 0);
    this.#keySteps = steps.filter(({ node }) => (node.over & OVER_K) !== 0);
  }

  /** Positions q0..q1 of query heads h0..h1 of batch element b, all ends inclusive. */
  setQueries(q0: number, q1: number, b: number, h0: number, h1: number = h0): void {
    this.#q0 = q0;
    this.#q1 = q1;
    this.#b = b;
    this.#h0 = h0;
    this.#h1 = h1;
    for (const step of this.#rowSteps) this.#run(step);
  }

  /** Keys k0..k1, both inclusive. */
  decide(k0: number, k1: number): Decision {
    this.#k0 = k0;
    this.#k1 = k1;
    for (const step of this.#keySteps) this.#run(step);
    const { low, high } = this.#intervals;
    const result = low.length - 1;
    return low[result] === 1 ? "all" : high[result] === 0 ? "none" : "some";
  }

  #run({ node, to, a, b, c, range }: Step): void {
    const intervals = this.#intervals;
    switch (node.op) {
      case OP.CONST:
        if (Number.isNaN(node.value)) return intervals.set(to, -Infinity, Infinity);
        return intervals.set(to, node.value, node.value);
      case OP.QUERY:
        return intervals.set(to, this.#q0, this.#q1);
      case OP.KEY:
        return intervals.set(to, this.#k0, this.#k1);
      case OP.BATCH:
        return intervals.set(to, this.#b, this.#b);
      case OP.HEAD:
        return intervals.set(to, this.#h0, this.#h1);
      case OP.LOOKUP: {
        const last = node.array!.length - 1;
        range!.find(clamp(intervals.low[a]!, last), clamp(intervals.high[a]!, last));
        return intervals.set(to, range!.low, range!.high);
      }
      default:
        return intervals.apply(node.op, to, a, b, c);
    }
  }
}

function clamp(index: number, last: number): number {
  return Math.min(Math.max(index, 0), last);
}
