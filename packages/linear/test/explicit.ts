import type { Gate, LinearInputs, Tensor } from "@saccade/core";

/** What one output head sees of a batch element: rows of numbers by token. */
export interface Head {
  readonly q: number[][];
  readonly k: number[][];
  readonly v: number[][];
  /** A gate's rows, by its name. */
  readonly gate: (name: Gate) => number[][];
  /** Value head. */
  readonly s: number;
  /** Key head. */
  readonly g: number;
  /** Query head. */
  readonly h: number;
}

/** Outputs by loops over batch elements and output heads; `of` gives the rows of one. Contiguous [B, max(H, V), N, E]. */
export function explicitly<G extends Gate>(inputs: LinearInputs<G>, of: (head: Head) => number[][]): Float64Array {
  const { q, k, v, lengths } = inputs;
  const most = Math.max(q.heads, v.heads);
  const out = new Float64Array(q.batch * most * q.length * v.width);
  for (let b = 0; b < q.batch; b++) {
    for (let o = 0; o < most; o++) {
      const s = Math.floor((o * v.heads) / most);
      const g = Math.floor((s * k.heads) / v.heads);
      const h = Math.floor((o * q.heads) / most);
      const count = lengths?.[b] ?? q.length;
      const rows = of({
        q: rowsOf(q, b, h, count),
        k: rowsOf(k, b, g, count),
        v: rowsOf(v, b, s, count),
        gate: (name) => {
          const view = (inputs as unknown as Record<Gate, Tensor>)[name];
          return rowsOf(view, b, name === "levels" ? o : s, count);
        },
        ...{ s, g, h },
      });
      for (const [t, row] of rows.entries()) out.set(row, ((b * most + o) * q.length + t) * v.width);
    }
  }
  return out;
}

function rowsOf(view: Tensor, b: number, h: number, count: number): number[][] {
  return Array.from({ length: count }, (_, t) => {
    const at = view.offset + b * view.strides.b + h * view.strides.h + t * view.strides.n;
    return [...(view.data as Float32Array).subarray(at, at + view.width)];
  });
}

export function dot(x: readonly number[], y: readonly number[]): number {
  return x.reduce((sum, number, i) => sum + number * y[i]!, 0);
}

/** sum_j weight(t, j) v_j over the tokens that `sees` says, divided by the weights' sum where asked. */
export function weighted(
  { v }: Pick<Head, "v">,
  weight: (t: number, j: number) => number,
  { normalised = false, causal = true }: { readonly normalised?: boolean; readonly causal?: boolean } = {},
): number[][] {
  return v.map((_, t) => {
    const sums = v[0]!.map(() => 0);
    let total = 0;
    for (let j = 0; j < (causal ? t + 1 : v.length); j++) {
      const w = weight(t, j);
      total += w;
      for (const [e, value] of v[j]!.entries()) sums[e]! += w * value;
    }
    return sums.map((sum) => (normalised ? (total === 0 ? 0 : sum / total) : sum));
  });
}

type Matrix = number[][];

/** Rows by columns. */
export function times(a: Matrix, b: Matrix): Matrix {
  return a.map((row) => b[0]!.map((_, column) => row.reduce((sum, x, i) => sum + x * b[i]![column]!, 0)));
}

export function plus(a: Matrix, b: Matrix): Matrix {
  return a.map((row, i) => row.map((x, j) => x + b[i]![j]!));
}

/** x y' */
export function outer(x: readonly number[], y: readonly number[], factor = 1): Matrix {
  return x.map((a) => y.map((b) => factor * a * b));
}

export function diagonal(x: readonly number[]): Matrix {
  return x.map((a, i) => x.map((_, j) => (i === j ? a : 0)));
}

/** Outputs S_t q_t of states of E rows and D columns, S_t = next(S_(t-1), t). */
export function walked({ q, v }: Pick<Head, "q" | "v">, next: (S: Matrix, t: number) => Matrix, scale = 1): number[][] {
  let S: Matrix = (v[0] ?? []).map(() => q[0]!.map(() => 0));
  return q.map((query, t) => {
    S = next(S, t);
    return S.map((row) => scale * dot(row, query));
  });
}
