import type { LinearReference } from "@saccade/core";
import { numbersOf, rowAt, type LinearState, type Rows } from "@saccade/core/variants";
import { bitsOf, hasBit, levelOf, startOf } from "./fenwick.ts";
import { bucketAt, type LogLinearCall } from "./log-linear-variant.ts";

/** The definition: token by token, the tree as a binary counter of states. */
export function logLinearReference(call: LogLinearCall, state: LinearState): LinearReference {
  const memory = Float64Array.from(state.part("memory"));
  const out = eachHead(call, state, (head, b, s, position, length) => {
    const { D, E, levels } = head;
    const states = Array.from({ length: levels - 1 }, (_, bit) => {
      const [at] = bucketAt(call.sizes, levels, b, bit);
      return memory.subarray(at + s * D * E, at + (s + 1) * D * E);
    });
    const rows: Float64Array[][] = [];
    for (let n = 0; n < length; n++) {
      const t = position + n;
      const w = Math.exp(head.log(n));
      for (const S of states) for (let i = 0; i < S.length; i++) S[i]! *= w;
      const own = new Float64Array(D * E).map((_, i) => head.k(n)[Math.floor(i / E)]! * head.v(n)[i % E]!);
      rows.push(
        head.queries.map((q, o) => {
          const sum = new Float64Array(E);
          const add = (S: Float64Array, weight: number): void => {
            for (let i = 0; i < S.length; i++) sum[i % E]! += call.scale * weight * q(n)[Math.floor(i / E)]! * S[i]!;
          };
          add(own, head.weights[o]!(n)[0]!);
          for (const bit of bitsOf(t)) add(states[bit]!, head.weights[o]!(n)[bit + 1]!);
          return sum;
        }),
      );
      let bit = 0;
      for (; hasBit(t, bit); bit++) {
        for (let i = 0; i < own.length; i++) own[i]! += states[bit]![i]!;
        states[bit]!.fill(0);
      }
      states[bit]?.set(own);
    }
    return rows;
  });
  return { out, state: { memory } };
}

/** Over all pairs: query t weighs token j by the level at which it finds it. */
export function logLinearPairs(call: LogLinearCall, state: LinearState, f32: boolean): Float64Array {
  const round = f32 ? Math.fround : (x: number): number => x;
  const memory = state.part("memory");
  return eachHead(call, state, (head, b, s, position, length) => {
    const { D, E, levels } = head;
    return Array.from({ length }, (_, n) =>
      head.queries.map((q, o) => {
        const sum = new Float64Array(E);
        const weights = head.weights[o]!(n);
        let log = 0;
        for (let j = n; j >= 0; j--) {
          const product = head.k(j).reduce((total, x, d) => total + x * q(n)[d]!, 0);
          const weight = round(call.scale * weights[levelOf(position + n, position + j)]! * Math.exp(log) * product);
          for (let e = 0; e < E; e++) sum[e]! += weight * head.v(j)[e]!;
          log += head.log(j);
        }
        for (const bit of bitsOf(position)) {
          const level = levelOf(position + n, startOf(position, bit));
          const [at] = bucketAt(call.sizes, levels, b, bit);
          for (let i = 0; i < D * E; i++) {
            const weight = call.scale * weights[level]! * Math.exp(log) * q(n)[Math.floor(i / E)]!;
            sum[i % E]! += weight * memory[at + s * D * E + i]!;
          }
        }
        return sum;
      }),
    );
  });
}

type RowOf = (n: number) => ArrayLike<number> & { readonly reduce: Float64Array["reduce"] };

/** What one value head reads. */
interface Head {
  readonly D: number;
  readonly E: number;
  readonly levels: number;
  readonly k: RowOf;
  readonly v: RowOf;
  readonly log: (n: number) => number;
  /** Of each output head that reads this state. */
  readonly queries: readonly RowOf[];
  readonly weights: readonly RowOf[];
}

/** Rows [token][output head of the value head] of each value head, as contiguous [B, max(H, V), N, E]. */
function eachHead(
  call: LogLinearCall,
  state: LinearState,
  of: (head: Head, b: number, s: number, position: number, length: number) => Float64Array[][],
): Float64Array {
  const { batch, heads, kvHeads, valueHeads, headDim: D, valueDim: E } = call.sizes;
  const { q, k, v, decay, levels } = call.inputs;
  const most = Math.max(heads, valueHeads);
  const group = most / valueHeads;
  const out = new Float64Array(batch * most * call.tokens * E);
  for (let b = 0; b < batch; b++) {
    for (let s = 0; s < valueHeads; s++) {
      const rowOf =
        (rows: Rows, h: number): RowOf =>
        (n) => {
          const at = rowAt(rows, b, h, n);
          return Float64Array.from(numbersOf(rows).subarray(at, at + rows.width));
        };
      const outputs = Array.from({ length: group }, (_, i) => s * group + i);
      const logs = rowOf(decay, s);
      const head: Head = {
        ...{ D, E, levels: call.levels },
        k: rowOf(k, Math.floor(s / (valueHeads / kvHeads))),
        v: rowOf(v, s),
        log: (n) => logs(n)[0]!,
        queries: outputs.map((o) => rowOf(q, Math.floor(o / (most / heads)))),
        weights: outputs.map((o) => rowOf(levels, o)),
      };
      for (const [n, row] of of(head, b, s, state.tokens[b]!, call.lengths[b]!).entries()) {
        for (const [i, sums] of row.entries()) out.set(sums, ((b * most + s * group + i) * call.tokens + n) * E);
      }
    }
  }
  return out;
}
