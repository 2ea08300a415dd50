import { describe, expect, test } from "vitest";
import { difference } from "./compare.ts";
import { roundElements } from "./element-types.ts";
import type { OnnxTensor } from "./proto.ts";
import { rotaryEmbedding } from "./rotary-embedding.ts";

const random = (shape: readonly number[], type: OnnxTensor["type"], seed: number): OnnxTensor => {
  let state = seed;
  const values = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  return { type, shape, values: roundElements(type, values) };
};

const [B, H, N, D, ROWS] = [2, 3, 4, 8, 50];

interface Case {
  readonly axes: 3 | 4;
  readonly interleaved: 0 | 1;
  /** 0: all of the row. */
  readonly rotaryDim: number;
  readonly positions: readonly number[] | undefined;
  readonly type?: OnnxTensor["type"];
}

/** The operator's description by explicit loops over tokens, heads and pairs. */
const expected = (x: OnnxTensor, cos: OnnxTensor, sin: OnnxTensor, given: Case): OnnxTensor => {
  const R = given.rotaryDim || D;
  const values = x.values.slice();
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      for (let n = 0; n < N; n++) {
        const at = given.axes === 4 ? ((b * H + h) * N + n) * D : ((b * N + n) * H + h) * D;
        const row = given.positions === undefined ? b * N + n : given.positions[b * N + n]!;
        for (let i = 0; i < R / 2; i++) {
          const first = at + (given.interleaved ? 2 * i : i);
          const second = given.interleaved ? first + 1 : first + R / 2;
          const [c, s] = [cos.values[row * (R / 2) + i]!, sin.values[row * (R / 2) + i]!];
          values[first] = c * x.values[first]! - s * x.values[second]!;
          values[second] = s * x.values[first]! + c * x.values[second]!;
        }
      }
    }
  }
  return { ...x, values: roundElements(x.type, values) };
};

const run = async (given: Case): Promise<string | undefined> => {
  const { type = "float", axes, interleaved, rotaryDim, positions } = given;
  const x = random(axes === 4 ? [B, H, N, D] : [B, N, H * D], type, 1);
  const pairs = (rotaryDim || D) / 2;
  const cache = positions === undefined ? [B, N, pairs] : [ROWS, pairs];
  const [cos, sin] = [random(cache, type, 2), random(cache, type, 3)];
  const ids: OnnxTensor | undefined =
    positions && ({ type: "int64", shape: [B, N], values: Float64Array.from(positions) } as const);
  const attributes = new Map<string, number>([
    ["interleaved", interleaved],
    ["rotary_embedding_dim", rotaryDim],
  ]);
  if (axes === 3) attributes.set("num_heads", H);
  const [y] = await rotaryEmbedding({
    operator: "RotaryEmbedding",
    inputs: [x, cos, sin, ids],
    attributes,
    wanted: [true],
    runtime: "auto",
  });
  // A 16-bit result may be rounded to the other neighbour.
  const tolerance = type === "float16" ? { relative: 1e-3, absolute: 1e-3 } : undefined;
  return difference(y!, expected(x, cos, sin, given), tolerance);
};

describe("RotaryEmbedding", () => {
  const positions = Array.from({ length: B * N }, (_, i) => (i * 17) % ROWS);
  for (const axes of [3, 4] as const) {
    for (const interleaved of [0, 1] as const) {
      for (const rotaryDim of [0, 4]) {
        test(`of ${axes} axes, interleaved ${interleaved}, ${rotaryDim || "all"} numbers`, async () => {
          expect(await run({ axes, interleaved, rotaryDim, positions })).toBeUndefined();
          expect(await run({ axes, interleaved, rotaryDim, positions: undefined })).toBeUndefined();
          expect(await run({ axes, interleaved, rotaryDim, positions, type: "float16" })).toBeUndefined();
        });
      }
    }
  }

  test("refuses caches that do not fit, and types that it does not compute", async () => {
    const call = { operator: "RotaryEmbedding", attributes: new Map(), wanted: [true], runtime: "auto" } as const;
    const inputs = [random([B, H, N, D], "float", 1), random([ROWS, 3], "float", 2), random([ROWS, 3], "float", 3)];
    await expect(rotaryEmbedding({ ...call, inputs })).rejects.toThrow("caches of [50, 3] and [50, 3] for 8 numbers");
    await expect(rotaryEmbedding({ ...call, inputs: inputs.map((x) => ({ ...x, type: "double" })) })).rejects.toThrow(
      "RotaryEmbedding of double",
    );
  });
});
