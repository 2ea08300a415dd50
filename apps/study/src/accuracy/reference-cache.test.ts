import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { gaussianInput } from "../input/gaussian-input.ts";
import type { Slice } from "../input/input.ts";
import { denseRows } from "./dense-rows.ts";
import { cachedDenseRows } from "./reference-cache.ts";

const positions = [0, 40, 99];
const sliceOf = (seed: number): Slice =>
  gaussianInput({ kind: "gaussian", heads: 4, kvHeads: 2, headDim: 8, seed }).slice(100, { first: 0, count: 2 });

describe("the cache of dense rows", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "saccade-rows-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const files = (): string[] => readdirSync(folder).map((name) => join(folder, name));

  test("gives the rows that were computed, from one file that it does not write again", async () => {
    const slice = sliceOf(1);
    const computed = await denseRows(slice, positions);
    expect(await cachedDenseRows(slice, positions, folder)).toEqual(computed);
    const [file, ...others] = files();
    expect(others).toEqual([]);
    const written = statSync(file!).ino;
    expect(await cachedDenseRows(slice, positions, folder)).toEqual(computed);
    expect(files()).toEqual([file]);
    expect(statSync(file!).ino).toBe(written);
  });

  test("has a file for each input, and for each choice of rows", async () => {
    await cachedDenseRows(sliceOf(1), positions, folder);
    await cachedDenseRows(sliceOf(2), positions, folder);
    await cachedDenseRows(sliceOf(1), [0, 41, 99], folder);
    expect(files()).toHaveLength(3);
  });

  test.each(["q", "k", "v"] as const)("does not take the rows of other %s", async (name) => {
    const slice = sliceOf(1);
    await cachedDenseRows(slice, positions, folder);
    (slice[name].data as Float32Array)[40 * 8 + 3]! += 0.5;
    expect(await cachedDenseRows(slice, positions, folder)).toEqual(await denseRows(slice, positions));
    expect(files()).toHaveLength(2);
  });

  const damages: Record<string, (bytes: Buffer, other: Buffer) => Buffer> = {
    "cut off": (bytes) => bytes.subarray(0, bytes.length - 5),
    empty: () => Buffer.alloc(0),
    longer: (bytes) => Buffer.concat([bytes, bytes]),
    "different in one bit": (bytes) => {
      const changed = Buffer.from(bytes);
      changed[200]! ^= 1;
      return changed;
    },
    "the file of another input": (_, other) => other,
  };
  test.each(Object.keys(damages))("computes rows anew when the file is %s, and repairs it", async (damage) => {
    await cachedDenseRows(sliceOf(2), positions, folder);
    const other = readFileSync(files()[0]!);
    rmSync(files()[0]!);
    const slice = sliceOf(1);
    const computed = await cachedDenseRows(slice, positions, folder);
    const whole = readFileSync(files()[0]!);
    writeFileSync(files()[0]!, damages[damage]!(whole, other));
    expect(await cachedDenseRows(slice, positions, folder)).toEqual(computed);
    expect(readFileSync(files()[0]!)).toEqual(whole);
  });

  test("is done without where its folder cannot be made", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const slice = sliceOf(1);
    expect(await cachedDenseRows(slice, positions, join(file, "rows"))).toEqual(await denseRows(slice, positions));
  });
});
