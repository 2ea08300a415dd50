import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  encodeSafetensors,
  narrow,
  parseSafetensors,
  readSafetensors,
  widen,
  type SafetensorsFile,
} from "../../src/index.ts";
import { openSafetensors, writeSafetensors } from "../../src/node.ts";
import { f32, fileOf, halves, rawFile } from "./raw-file.ts";

const folder = mkdtempSync(join(tmpdir(), "saccade-safetensors-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "file.safetensors");

/** The same bytes from memory and from disk. */
function bothWays(bytes: Uint8Array): readonly SafetensorsFile[] {
  writeFileSync(path, bytes);
  return [parseSafetensors(bytes), openSafetensors(path)];
}

function numbers(file: SafetensorsFile, name: string, first: number, count: number): number[] {
  const into = new Float32Array(count);
  file.readInto(name, first, into);
  return [...into];
}

describe("a safetensors file", () => {
  test("gives back numbers and metadata, in memory and on disk", () => {
    for (const file of bothWays(
      fileOf({ q: f32([2, 3], [1, 2, 3, 4, 5, -0.1]), k: f32([1], [7]) }, { layout: "bhnd" }),
    )) {
      expect(file.metadata).toEqual({ layout: "bhnd" });
      expect(file.tensors.get("q")).toMatchObject({ dtype: "F32", shape: [2, 3] });
      expect(file.read("q")).toEqual({ type: "f32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, -0.1) });
      expect(numbers(file, "q", 4, 2)).toEqual([5, Math.fround(-0.1)]);
      expect(numbers(file, "k", 0, 1)).toEqual([7]);
    }
  });

  test("widens f16 and bf16, at odd places too", () => {
    const f16 = halves("F16", [8], [0x0001, 0x8400, 0x3c00, 0xc000, 0x7bff, 0x7c00, 0xfc00, 0x7e00]);
    const bf16 = halves("BF16", [4], [0x3f80, 0xc020, 0x4049, 0xff80]);
    const flag = { dtype: "BOOL", shape: [1], bytes: Uint8Array.of(1) };
    for (const file of bothWays(fileOf({ flag, f16, bf16, x: f32([1], [0.5]) }))) {
      expect(numbers(file, "f16", 0, 8)).toEqual([2 ** -24, -(2 ** -14), 1, -2, 65504, Infinity, -Infinity, NaN]);
      expect(numbers(file, "bf16", 0, 4)).toEqual([1, -2.5, 3.140625, -Infinity]);
      expect(file.read("bf16")).toEqual({
        type: "bf16",
        shape: [4],
        data: Uint16Array.of(0x3f80, 0xc020, 0x4049, 0xff80),
      });
      expect(numbers(file, "x", 0, 1)).toEqual([0.5]);
    }
  });

  test("keeps tensors without numbers, and says the formats of those that it does not read", () => {
    const ids = { dtype: "I64", shape: [1], bytes: new Uint8Array(8) };
    const file = parseSafetensors(fileOf({ none: f32([0, 4], []), ids }));
    expect(file.read("none").data).toHaveLength(0);
    expect(file.tensors.get("ids")).toMatchObject({ dtype: "I64", shape: [1] });
    expect(() => file.read("ids")).toThrow("safetensors: the file: ids is I64, expected F32, F16 or BF16");
  });

  test("refuses what it does not have", () => {
    const file = parseSafetensors(fileOf({ q: f32([3], [1, 2, 3]) }), "model");
    expect(() => file.read("k")).toThrow("safetensors: model: has no tensor k, only q");
    expect(() => file.readInto("q", 2, new Float32Array(2))).toThrow("q has 3 numbers, asked for 2 from 2");
    expect(() => file.readInto("q", -1, new Float32Array(2))).toThrow(RangeError);
    expect(() => openSafetensors(join(folder, "nothing"))).toThrow(/safetensors: cannot read .*nothing: ENOENT/);
  });
});

describe("a file that is not what it says is refused", () => {
  const entry = (offsets: readonly number[], shape: unknown = [2], dtype: unknown = "F32"): string =>
    JSON.stringify({ q: { dtype, shape, data_offsets: offsets } });
  const two = (a: readonly number[], b: readonly number[]): string =>
    JSON.stringify({
      a: { dtype: "U8", shape: [a[1]! - a[0]!], data_offsets: a },
      b: { dtype: "U8", shape: [b[1]! - b[0]!], data_offsets: b },
    });
  const eight = new Uint8Array(8);

  test.each<[string, Uint8Array, RegExp]>([
    ["too short", Uint8Array.of(97, 98, 99), /3 bytes are too few for a header length/],
    ["a header beyond the file", rawFile("{}", eight, 17n), /its header would be 17 bytes long, the file has 18/],
    ["a header beyond 100 MB", rawFile("{}", eight, 100_000_001n), /100000001 bytes long, the format allows 100000000/],
    ["a header length of 64 bits", rawFile("{}", eight, 2n ** 64n - 1n), /18446744073709551615 bytes long/],
    ["no JSON", rawFile("{oops"), /its header is not JSON/],
    ["no UTF-8", rawFile(Uint8Array.of(0x7b, 0xff, 0x7d)), /its header is not JSON/],
    ["a list as header", rawFile("[]"), /its header is not an object/],
    ["metadata with numbers", rawFile('{"__metadata__":{"a":1}}'), /__metadata__ is not a map of strings/],
    ["an entry that is no object", rawFile('{"q":3}'), /the entry q is not an object/],
    ["no dtype", rawFile(entry([0, 8], [2], null), eight), /q has no dtype/],
    ["a negative size", rawFile(entry([0, 8], [-2]), eight), /the shape of q is not a list of sizes/],
    ["a fraction of a size", rawFile(entry([0, 8], [2.5]), eight), /the shape of q is not a list of sizes/],
    ["descending offsets", rawFile(entry([8, 0]), eight), /data_offsets of q are not two ascending offsets/],
    ["three offsets", rawFile(entry([0, 4, 8]), eight), /data_offsets of q are not two ascending offsets/],
    [
      "too few bytes for the shape",
      rawFile(entry([0, 4]), eight),
      /q is F32 \[2\], which takes 8 bytes, but data_offsets span 4/,
    ],
    ["a shape beyond all counting", rawFile(entry([0, 8], [2 ** 52, 2 ** 52]), eight), /but data_offsets span 8/],
    ["an end beyond the file", rawFile(entry([0, 8]), eight.subarray(4)), /q ends at byte \d+, the file has \d+/],
    ["tensors that overlap", rawFile(two([0, 5], [4, 8]), eight), /b begins at byte \d+, inside of another tensor/],
    ["a hole between tensors", rawFile(two([0, 3], [4, 8]), eight), /bytes \d+ to \d+ belong to no tensor/],
    ["a hole in front", rawFile(two([1, 4], [4, 8]), eight), /bytes \d+ to \d+ belong to no tensor/],
    ["numbers at the end that are no tensor's", rawFile(two([0, 3], [3, 7]), eight), /bytes \d+ to \d+ belong to no/],
  ])("%s", (_, bytes, message) => {
    expect(() => parseSafetensors(bytes)).toThrow(message);
    writeFileSync(path, bytes);
    expect(() => openSafetensors(path)).toThrow(message);
    expect(() => openSafetensors(path)).toThrow(path);
  });
});

describe("a Blob", () => {
  const ids = { dtype: "I64", shape: [1], bytes: new Uint8Array(8) };
  const bytes = fileOf({
    flag: { dtype: "BOOL", shape: [1], bytes: Uint8Array.of(1) },
    q: f32([2], [1, 2]),
    ids,
    k: f32([1], [7]),
  });
  const blob = new Blob([Uint8Array.from(bytes)]);

  test("gives all tensors that have numbers, or those that are asked for", async () => {
    const q = { type: "f32", shape: [2], data: Float32Array.of(1, 2) };
    const k = { type: "f32", shape: [1], data: Float32Array.of(7) };
    expect(await readSafetensors(blob)).toEqual({ q, k });
    expect(await readSafetensors(blob, { select: (name) => name === "k" })).toEqual({ k });
  });

  test("is refused as files are", async () => {
    await expect(readSafetensors(blob, { select: () => true, name: "mine" })).rejects.toThrow(
      "safetensors: mine: flag is BOOL, expected F32, F16 or BF16",
    );
    await expect(readSafetensors(blob.slice(0, blob.size - 1))).rejects.toThrow(/k ends at byte/);
    await expect(readSafetensors(new Blob(["abc"]))).rejects.toThrow("3 bytes are too few for a header length");
  });
});

describe("what is written", () => {
  const values = Float32Array.of(1, -0.5, 3.1415927, 1e-7, 65504, NaN);
  const tensors = {
    "b.weight": { type: "f32", shape: [2, 3], data: values },
    half: { type: "f16", shape: [6], data: narrow("f16", values) },
    "a.weight": { type: "bf16", shape: [3, 2], data: narrow("bf16", values) },
    odd: { type: "f16", shape: [1], data: Uint16Array.of(7) },
    empty: { type: "f32", shape: [0], data: new Float32Array(0) },
  } as const;

  test("comes back bit by bit, in memory and from disk", () => {
    writeSafetensors(path, tensors, { format: "pt" });
    expect(new Uint8Array(readFileSync(path))).toEqual(encodeSafetensors(tensors, { format: "pt" }));
    for (const file of [openSafetensors(path), parseSafetensors(encodeSafetensors(tensors, { format: "pt" }))]) {
      expect(file.metadata).toEqual({ format: "pt" });
      for (const [name, tensor] of Object.entries(tensors)) expect(file.read(name)).toEqual(tensor);
    }
  });

  test("has every tensor at a multiple of its numbers' size", () => {
    for (const [name, { begin }] of parseSafetensors(encodeSafetensors(tensors)).tensors) {
      expect(begin % tensors[name as "odd"].data.BYTES_PER_ELEMENT, name).toBe(0);
    }
  });

  test("is f16 and bf16 to the nearest", () => {
    expect(widen("f16", narrow("f16", values))[1]).toBe(-0.5);
    expect(widen("bf16", narrow("bf16", values))[2]).toBe(3.140625);
    expect(widen("f32", values)).toBe(values);
  });

  test("must fit its shape and its type, and leaves no file behind otherwise", () => {
    const wrong = { q: { type: "f32", shape: [2, 2], data: values } } as const;
    expect(() => encodeSafetensors(wrong)).toThrow("safetensors: q has 6 numbers, expected 4 for [2, 2]");
    const before = readdirSync(folder);
    expect(() => writeSafetensors(join(folder, "wrong"), wrong)).toThrow(RangeError);
    expect(readdirSync(folder)).toEqual(before);
    expect(() => encodeSafetensors({ q: { type: "f16", shape: [6], data: values } })).toThrow(
      "q is f16, expected its numbers in a Uint16Array",
    );
    expect(() => encodeSafetensors({ __metadata__: { type: "f32", shape: [6], data: values } })).toThrow(RangeError);
  });
});
