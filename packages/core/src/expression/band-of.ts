import { type Mask, maskOf, rootOf } from "./expression.ts";
import { conjunction, constant, negation, type Node, TRUE } from "./node.ts";
import { OP } from "./operations.ts";

/** A mask as a band around the diagonal and what it says beside that. */
export interface Band {
  /** Keys after the query's position that the band shows; Infinity for all. At least 0. */
  readonly ahead: number;
  /** Keys before the query's position that the band shows; Infinity for all. At least 0. */
  readonly back: number;
  /** What has to hold as well: visible = (q - back <= k <= q + ahead) && rest. Undefined when that is nothing. */
  readonly rest: Mask | undefined;
}

/** q a + k b + c, and the least and greatest value of it or any part of it. */
interface Linear {
  readonly q: number;
  readonly k: number;
  readonly c: number;
  readonly low: number;
  readonly high: number;
}

/** A linear form that must not be positive. */
type Condition = Pick<Linear, "q" | "k" | "c">;

/** Positions and lengths are below 2^30, and of calls that fit into memory below this; sums that could wrap there are left alone. */
const FARTHEST = 2 ** 29;

const bands = new WeakMap<Mask, Band>();

/**
 * Splits comparisons of q with k off a mask's conjunction: `q >= k`, `q - k < W`, `k > q - W`, `abs(q - k) < W` and every other
 * arrangement of them. A bound that excludes the diagonal itself stays in the rest.
 */
export function bandOf(mask: Mask): Band {
  let band = bands.get(mask);
  if (band === undefined) bands.set(mask, (band = split(mask)));
  return band;
}

function split(mask: Mask): Band {
  let ahead = Infinity;
  let back = Infinity;
  const left: Node[] = [];
  for (const node of conjuncts(rootOf(mask))) {
    const conditions = conditionsOf(node);
    if (conditions === undefined || !conditions.every(isBound)) {
      left.push(node);
      continue;
    }
    for (const { q, c } of conditions) {
      const distance = c > -(2 ** 31) ? 0 - c : Infinity;
      if (q < 0) ahead = Math.min(ahead, distance);
      else if (q > 0) back = Math.min(back, distance);
    }
  }
  const rest = left.reduce(conjunction, TRUE);
  return { ahead, back, rest: isTrue(rest) ? undefined : maskOf(`part of ${mask.source}`, rest) };
}

function isTrue({ op, value }: Node): boolean {
  return op === OP.CONST && value === 1;
}

function conjuncts(node: Node): Node[] {
  const [a, b] = node.operands;
  if (node.op === OP.AND) return [...conjuncts(a!), ...conjuncts(b!)];
  if (node.op === OP.NOT && a!.op === OP.OR) return a!.operands.flatMap((each) => conjuncts(negation(each)));
  return [node];
}

/** -q + k + c <= 0 with -c >= 0, the other way round, or a constant that holds. */
function isBound({ q, k, c }: Condition): boolean {
  return c <= 0 && q + k === 0 && Math.abs(q) <= 1;
}

/** What a comparison says, as conditions that must all hold; undefined for anything else. */
function conditionsOf({ op, operands }: Node): Condition[] | undefined {
  const [a, b] = operands as [Node, Node];
  switch (op) {
    case OP.ILT:
      return differences(a, b, 1);
    case OP.ILE:
      return differences(a, b, 0);
    case OP.IEQ: {
      if (a.type === "boolean") return undefined;
      const [less, greater] = [differences(a, b, 0), differences(b, a, 0)];
      return less && greater && [...less, ...greater];
    }
    case OP.FLT:
    case OP.FLE:
      return realConditions(op === OP.FLT, a, b);
    default:
      return undefined;
  }
}

/** x - y + c <= 0, where x may be the absolute value of something linear, or the greater of two. */
function differences(x: Node, y: Node, c: number): Condition[] | undefined {
  const right = linear(y);
  if (right === undefined) return undefined;
  const [first, second] = x.operands;
  const lefts =
    x.op === OP.IABS
      ? [linear(first!), negated(linear(first!))]
      : x.op === OP.IMAX
        ? [linear(first!), linear(second!)]
        : [linear(x)];
  const conditions: Condition[] = [];
  for (const left of lefts) {
    if (left === undefined) return undefined;
    conditions.push({ q: left.q - right.q, k: left.k - right.k, c: left.c - right.c + c });
  }
  return conditions;
}

/** An int compared with a real constant, as in `q - k < ${Infinity}`. */
function realConditions(strict: boolean, a: Node, b: Node): Condition[] | undefined {
  const [x, y] = [a, b].map((node) => (node.op === OP.I2F ? node.operands[0]! : undefined));
  if (x !== undefined && b.op === OP.CONST) {
    const most = strict ? Math.ceil(b.value) - 1 : Math.floor(b.value);
    return most === Infinity ? [] : differences(x, constant("int", 0), -most);
  }
  if (y !== undefined && a.op === OP.CONST) {
    const least = strict ? Math.floor(a.value) + 1 : Math.ceil(a.value);
    const form = negated(linear(y));
    return least === -Infinity ? [] : form && [{ q: form.q, k: form.k, c: form.c + least }];
  }
  return undefined;
}

function linear(node: Node): Linear | undefined {
  const [a, b] = node.operands;
  switch (node.op) {
    case OP.CONST:
      return { q: 0, k: 0, c: node.value, low: node.value, high: node.value };
    case OP.QUERY:
      return { q: 1, k: 0, c: 0, low: -FARTHEST, high: FARTHEST };
    case OP.KEY:
      return { q: 0, k: 1, c: 0, low: 0, high: FARTHEST };
    case OP.IADD:
      return sum(linear(a!), linear(b!));
    case OP.ISUB:
      return sum(linear(a!), negated(linear(b!)));
    case OP.IMUL:
      if (a!.op === OP.CONST) return scaled(linear(b!), a!.value);
      return b!.op === OP.CONST ? scaled(linear(a!), b!.value) : undefined;
    default:
      return undefined;
  }
}

function sum(x: Linear | undefined, y: Linear | undefined): Linear | undefined {
  if (x === undefined || y === undefined) return undefined;
  return within({ q: x.q + y.q, k: x.k + y.k, c: x.c + y.c, low: x.low + y.low, high: x.high + y.high });
}

function negated(x: Linear | undefined): Linear | undefined {
  return scaled(x, -1);
}

function scaled(x: Linear | undefined, by: number): Linear | undefined {
  if (x === undefined) return undefined;
  const [low, high] = by < 0 ? [x.high * by, x.low * by] : [x.low * by, x.high * by];
  return within({ q: x.q * by, k: x.k * by, c: x.c * by, low, high });
}

function within(form: Linear): Linear | undefined {
  return form.low >= -(2 ** 31) && form.high < 2 ** 31 ? form : undefined;
}
