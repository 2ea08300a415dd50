import { floatsOf } from "@saccade/core/variants";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { f32, type Stored, writeSafetensors } from "../../test/write-safetensors.ts";
import { safetensorsInput } from "./safetensors-input.ts";

const folder = mkdtempSync(join(tmpdir(), "capture-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "capture.safetensors");
const open = (layer?: string) => safetensorsInput({ kind: "safetensors", file, layer });

/** Element [head, token, d] is 100 head + 10 token + d, whatever the order in the file. */
function counted(heads: number, tokens: number, width: number, layout: "bhnd" | "bnhd", batch = true): Stored {
  const values: number[] = [];
  for (let outer = 0; outer < (layout === "bhnd" ? heads : tokens); outer++) {
    for (let inner = 0; inner < (layout === "bhnd" ? tokens : heads); inner++) {
      const [head, token] = layout === "bhnd" ? [outer, inner] : [inner, outer];
      for (let d = 0; d < width; d++) values.push(100 * head + 10 * token + d);
    }
  }
  const shape = layout === "bhnd" ? [heads, tokens, width] : [tokens, heads, width];
  return f32(batch ? [1, ...shape] : shape, values);
}

describe.each(["bhnd", "bnhd"] as const)("a capture in layout %s", (layout) => {
  it("gives the first tokens of the heads that are asked for", () => {
    const tensors = { q: counted(4, 5, 3, layout), k: counted(2, 5, 3, layout), v: counted(2, 5, 2, layout, false) };
    writeSafetensors(file, tensors, { layout, scale: "0.25" });
    const input = open();
    expect(input).toMatchObject({ heads: 4, kvHeads: 2, headDim: 3, valueDim: 2, maxLength: 5, scale: 0.25 });
    const { q, k, v } = input.slice(2, { first: 1, count: 1 });
    expect([q, k, v].map(({ heads, length, width }) => [heads, length, width])).toEqual([
      [2, 2, 3],
      [1, 2, 3],
      [1, 2, 2],
    ]);
    const at = (head: number, token: number): number =>
      floatsOf(q)[q.offset + head * q.strides.h + token * q.strides.n + 2]!;
    expect([at(0, 0), at(0, 1), at(1, 0), at(1, 1)]).toEqual([202, 212, 302, 312]);
    expect([...floatsOf(v)]).toEqual([100, 101, 110, 111]);
  });
});

describe("layers of a capture", () => {
  it("are chosen by name, by default the first", () => {
    const of = (tokens: number) => counted(1, tokens, 8, "bhnd");
    writeSafetensors(file, {
      "layer10.q": of(10),
      "layer10.k": of(10),
      "layer10.v": of(10),
      "layer2.q": of(2),
      "layer2.k": of(2),
      "layer2.v": of(2),
    });
    expect(open().maxLength).toBe(2);
    expect(open("layer10").maxLength).toBe(10);
    expect(() => open("layer3")).toThrow(/has no tensor layer3.q, only layer10.q, layer10.k/);
  });
});

describe("a capture that does not fit together is refused", () => {
  const ok = counted(2, 5, 4, "bhnd");

  it.each<[Record<string, Stored>, Record<string, string>, RegExp]>([
    [{ a: ok }, {}, /expected tensors q, k, v or NAME.q ..., found a/],
    [{ q: ok, k: ok }, {}, /has no tensor v, only q, k/],
    [{ q: ok, k: counted(2, 5, 3, "bhnd"), v: ok }, {}, /q has width D = 4, k has 3/],
    [
      { q: ok, k: counted(3, 5, 4, "bhnd"), v: counted(3, 5, 4, "bhnd") },
      {},
      /k has G = 3 heads, which does not divide H = 2/,
    ],
    [{ q: ok, k: ok, v: counted(1, 5, 4, "bhnd") }, {}, /k has G = 2 heads, v has 1/],
    [{ q: ok, k: ok, v: counted(2, 6, 4, "bhnd") }, {}, /k has 5 tokens, v has 6/],
    [{ q: ok, k: counted(2, 6, 4, "bhnd"), v: counted(2, 6, 4, "bhnd") }, {}, /q has 5 tokens, k has 6/],
    [
      { q: f32([5, 4], new Float32Array(20)), k: ok, v: ok },
      {},
      /q has shape \[5, 4\], expected \[1, heads, tokens, width\]/,
    ],
    [{ q: f32([2, 1, 5, 4], new Float32Array(40)), k: ok, v: ok }, {}, /q has shape \[2, 1, 5, 4\]/],
    [
      { q: { dtype: "I64", shape: [1], bytes: new Uint8Array(8) }, k: ok, v: ok },
      {},
      /q is I64, expected F32, F16 or BF16/,
    ],
    [{ q: ok, k: ok, v: ok }, { layout: "nhd" }, /metadata layout is "nhd", expected "bhnd" or "bnhd"/],
    [{ q: ok, k: ok, v: ok }, { scale: "big" }, /metadata scale is "big", expected a number/],
  ])("%#", (tensors, metadata, message) => {
    writeSafetensors(file, tensors, metadata);
    expect(() => open()).toThrow(message);
  });
});
