import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { bf16, f16, f32, writeRaw, writeSafetensors } from "../../test/write-safetensors.ts";
import { openSafetensors, readNumbers } from "./safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "safetensors-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "file.safetensors");

const numbers = (name: string, first: number, count: number): number[] => {
  const file = openSafetensors(path);
  const into = new Float32Array(count);
  readNumbers(file, file.tensors.get(name)!, first, into);
  return [...into];
};

describe("a safetensors file", () => {
  it("gives back what was written, with its metadata", () => {
    writeSafetensors(path, { q: f32([2, 3], [1, 2, 3, 4, 5, -0.1]), k: f32([1], [7]) }, { layout: "bhnd" });
    const file = openSafetensors(path);
    expect(file.metadata).toEqual({ layout: "bhnd" });
    expect(file.tensors.get("q")).toMatchObject({ type: "F32", shape: [2, 3] });
    expect(numbers("q", 0, 6)).toEqual([1, 2, 3, 4, 5, Math.fround(-0.1)]);
    expect(numbers("q", 4, 2)).toEqual([5, Math.fround(-0.1)]);
    expect(numbers("k", 0, 1)).toEqual([7]);
  });

  it("widens bf16", () => {
    writeSafetensors(path, { q: bf16([5], [1, -2.5, 3.140625, -Infinity, 1e-38]) });
    const [one, minus, pi, infinite, tiny] = numbers("q", 0, 5);
    expect([one, minus, pi, infinite]).toEqual([1, -2.5, 3.140625, -Infinity]);
    expect(tiny).toBeGreaterThan(9.9e-39);
  });

  it("widens f16: subnormal, normal, infinite and not a number", () => {
    writeSafetensors(path, { q: f16([8], [0x0001, 0x8400, 0x3c00, 0xc000, 0x7bff, 0x7c00, 0xfc00, 0x7e00]) });
    expect(numbers("q", 0, 8)).toEqual([2 ** -24, -(2 ** -14), 1, -2, 65504, Infinity, -Infinity, NaN]);
  });

  it("remembers tensors in other formats", () => {
    writeSafetensors(path, { ids: { dtype: "I64", shape: [1], bytes: new Uint8Array(8) } });
    expect([...openSafetensors(path).unreadable]).toEqual([["ids", "I64"]]);
  });
});

describe("a file that is not what it says", () => {
  const entry = (offsets: readonly number[], shape: unknown = [2], dtype: unknown = "F32"): string =>
    JSON.stringify({ q: { dtype, shape, data_offsets: offsets } });
  const eight = new Uint8Array(8);

  it.each<[string, () => void, RegExp]>([
    ["too short", () => writeFileSync(path, "abc"), /3 bytes are too few for a header length/],
    [
      "a huge header length",
      () => writeFileSync(path, Buffer.alloc(16, 255)),
      /its header would be \d+ bytes long, the file has 16/,
    ],
    ["no JSON", () => writeRaw(path, "{oops"), /its header is not JSON/],
    ["a list as header", () => writeRaw(path, "[]"), /its header is not an object/],
    ["metadata with numbers", () => writeRaw(path, '{"__metadata__":{"a":1}}'), /__metadata__ is not a map of strings/],
    ["an entry that is no object", () => writeRaw(path, '{"q":3}'), /the entry q is not an object/],
    ["no dtype", () => writeRaw(path, entry([0, 8], [2], null), eight), /q has no dtype/],
    ["a negative size", () => writeRaw(path, entry([0, 8], [-2]), eight), /the shape of q is not a list of sizes/],
    [
      "descending offsets",
      () => writeRaw(path, entry([8, 0]), eight),
      /data_offsets of q are not two ascending offsets/,
    ],
    [
      "too few bytes for the shape",
      () => writeRaw(path, entry([0, 4]), eight),
      /q is F32 \[2\], which takes 8 bytes, but data_offsets span 4/,
    ],
    [
      "an end beyond the file",
      () => writeRaw(path, entry([0, 8]), eight.subarray(4)),
      /q ends at byte \d+, the file has \d+/,
    ],
  ])("is refused: %s", (_, write, message) => {
    write();
    expect(() => openSafetensors(path)).toThrow(message);
    expect(() => openSafetensors(path)).toThrow(path);
  });

  it("is refused: not there", () => {
    expect(() => openSafetensors(join(folder, "nothing"))).toThrow(/safetensors: cannot read .*nothing: ENOENT/);
  });
});
