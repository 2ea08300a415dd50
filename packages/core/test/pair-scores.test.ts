import { describe, expect, test } from "vitest";
import { tensor, type Tensor } from "../src/index.ts";
import { pairScores, pairScoresSync, type PairReduction } from "../src/variants.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { RandomNumbers } from "./random-numbers.ts";
import { sameBits } from "./same-bits.ts";

interface PairCase {
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
  readonly layout: "bhnd" | "bnhd";
}

const cases: readonly PairCase[] = [
  { batch: 1, heads: 1, kvHeads: 1, queries: 1, keys: 1, width: 1, layout: "bhnd" },
  { batch: 2, heads: 4, kvHeads: 2, queries: 33, keys: 59, width: 17, layout: "bnhd" },
  { batch: 1, heads: 6, kvHeads: 1, queries: 7, keys: 300, width: 64, layout: "bhnd" },
  { batch: 1, heads: 8, kvHeads: 8, queries: 130, keys: 64, width: 111, layout: "bnhd" },
  { batch: 1, heads: 8, kvHeads: 2, queries: 1, keys: 1030, width: 256, layout: "bhnd" },
];

const kinds = ["each", "sum", "max", "mass", "relu"] as const;

function inputsOf({ batch, heads, kvHeads, queries, keys, width, layout }: PairCase, kind: (typeof kinds)[number]) {
  const numbers = new RandomNumbers(heads * queries + keys);
  const make = (count: number, length: number): Tensor => {
    const shape =
      layout === "bhnd" ? ([batch, count, length, width] as const) : ([batch, length, count, width] as const);
    return tensor(numbers.normal(batch * count * length * width), { shape, layout });
  };
  const [q, k] = [make(heads, queries), make(kvHeads, keys)];
  const terms = numbers.normal(batch * heads * queries);
  const reduce: PairReduction =
    kind === "mass" ? { kind, lse: terms } : kind === "relu" ? { kind, weights: terms } : { kind };
  return { q, k, scale: 1 / Math.sqrt(width), reduce };
}

/** By the formulas, in float64. */
function expectedScores({ q, k, scale, reduce }: ReturnType<typeof inputsOf>): Float64Array {
  const heads = reduce.kind === "each" ? q.heads : k.heads;
  const group = q.heads / k.heads;
  const [queries, keys] = [q.data as Float32Array, k.data as Float32Array];
  const score = (b: number, h: number, i: number, j: number): number => {
    const from = q.offset + b * q.strides.b + h * q.strides.h + i * q.strides.n;
    const to = k.offset + b * k.strides.b + Math.floor(h / group) * k.strides.h + j * k.strides.n;
    let sum = 0;
    for (let d = 0; d < q.width; d++) sum += queries[from + d]! * keys[to + d]!;
    return sum * scale;
  };
  return Float64Array.from({ length: q.batch * heads * q.length * k.length }, (_, at) => {
    const [j, row] = [at % k.length, Math.floor(at / k.length)];
    const [i, head] = [row % q.length, Math.floor(row / q.length)];
    const [h, b] = [head % heads, Math.floor(head / heads)];
    if (reduce.kind === "each") return score(b, h, i, j);
    const members = Array.from({ length: group }, (_member, m) => h * group + m);
    const scores = members.map((member) => score(b, member, i, j));
    const termOf = (list: Float32Array, m: number): number => list[(b * q.heads + members[m]!) * q.length + i]!;
    if (reduce.kind === "max") return Math.max(...scores);
    return scores.reduce((sum, s, m) => {
      if (reduce.kind === "mass") return sum + Math.exp(s - termOf(reduce.lse, m));
      return sum + (reduce.kind === "relu" ? termOf(reduce.weights, m) * Math.max(0, s) : s);
    }, 0);
  });
}

/** Some of the queries, with their terms. */
function rowsOf(inputs: ReturnType<typeof inputsOf>, from: number, to: number): ReturnType<typeof inputsOf> {
  const { q, reduce } = inputs;
  const cut = (terms: Float32Array): Float32Array =>
    Float32Array.from({ length: q.batch * q.heads * (to - from) }, (_, at) => {
      return terms[Math.floor(at / (to - from)) * q.length + from + (at % (to - from))]!;
    });
  const own: PairReduction =
    reduce.kind === "mass"
      ? { kind: "mass", lse: cut(reduce.lse) }
      : reduce.kind === "relu"
        ? { kind: "relu", weights: cut(reduce.weights) }
        : reduce;
  return { ...inputs, q: { ...q, offset: q.offset + from * q.strides.n, length: to - from }, reduce: own };
}

const { available } = await availableRuntimes();

describe.each(available)("scores of pairs on $label", ({ runtime }) => {
  test.each(cases.flatMap((of) => kinds.map((kind) => ({ of, kind }))))(
    "are right: $kind of $of",
    async ({ of, kind }) => {
      const inputs = inputsOf(of, kind);
      const exact = expectedScores(inputs);
      const one = await pairScores("test", inputs, runtime, { threads: 1 });
      expect(one).toHaveLength(exact.length);
      let error = 0;
      for (const [at, score] of exact.entries())
        error = Math.max(error, Math.abs(one[at]! - score) / (1 + Math.abs(score)));
      expect(error).toBeLessThan(1e-5);
      expect(sameBits(one, await pairScores("test", inputs, runtime, { threads: 2 }))).toBe(true);
      expect(sameBits(one, pairScoresSync("test", inputs, runtime))).toBe(true);
    },
  );

  test.each(kinds)("have the same bits for a query alone: %s", (kind) => {
    const of = cases[1]!;
    const inputs = inputsOf(of, kind);
    const all = pairScoresSync("test", inputs, runtime);
    const heads = kind === "each" ? of.heads : of.kvHeads;
    for (const i of [0, 13, 32]) {
      const alone = pairScoresSync("test", rowsOf(inputs, i, i + 1), runtime);
      for (let head = 0; head < of.batch * heads; head++) {
        const at = (head * of.queries + i) * of.keys;
        const row = alone.subarray(head * of.keys, (head + 1) * of.keys);
        expect(sameBits(all.subarray(at, at + of.keys), row)).toBe(true);
      }
    }
  });

  test("are the same for tensors in the runtime's own memory", () => {
    const inputs = inputsOf(cases[1]!, "max");
    const buffers = [inputs.q, inputs.k].map(({ data }) => {
      const buffer = runtime.allocate((data as Float32Array).length);
      buffer.floats().set(data as Float32Array);
      return buffer;
    });
    const [q, k] = [
      { ...inputs.q, data: buffers[0]! },
      { ...inputs.k, data: buffers[1]! },
    ];
    const scores = pairScoresSync("test", { ...inputs, q, k }, runtime);
    expect(sameBits(scores, pairScoresSync("test", inputs, runtime))).toBe(true);
    for (const buffer of buffers) buffer.free();
  });

  test("are refused where widths or heads do not fit", () => {
    const { q, k } = inputsOf(cases[1]!, "each");
    expect(() => pairScoresSync("select", { q: { ...q, heads: 3 }, k }, runtime)).toThrow("select: k has G = 2 heads");
    expect(() => pairScoresSync("select", { q, k: { ...k, width: 16 } }, runtime)).toThrow(
      "select: k has D = 16, q has D = 17",
    );
  });

  test("can be cancelled", async () => {
    const { q, k } = inputsOf(
      { batch: 1, heads: 4, kvHeads: 4, queries: 2000, keys: 2000, width: 64, layout: "bhnd" },
      "each",
    );
    const controller = new AbortController();
    const scores = pairScores("test", { q, k }, runtime, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(scores).rejects.toThrow("enough");
  });
});
