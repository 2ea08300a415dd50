import { describe, expect, test } from "vitest";
import { parseSafetensors, SafetensorsFile } from "../../src/index.ts";
import { f32, fileOf, halves } from "./raw-file.ts";

const MUTATIONS = process.env["SACCADE_EXHAUSTIVE"] ? 10_000 : 500;

/** mulberry32 */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const original = fileOf(
  {
    "model.embed_tokens.weight": f32(
      [5, 3],
      Float32Array.from({ length: 15 }, (_, i) => i - 7),
    ),
    "layers.0.q": halves("BF16", [2, 2], [0x3f80, 0x4000, 0x4040, 0x4080]),
    flags: { dtype: "U8", shape: [3], bytes: Uint8Array.of(1, 2, 3) },
    empty: f32([0], []),
    "layers.0.k": halves("F16", [3], [0x3c00, 0x4000, 0x4200]),
  },
  { format: "pt" },
);
const headerEnd = 8 + Number(new DataView(original.buffer).getBigUint64(0, true));

const WILD = [
  "0",
  "-1",
  "8",
  "60",
  "1e3",
  "9007199254740993",
  "1e308",
  "null",
  '"x"',
  "[]",
  "[0,4]",
  "{}",
  "2.5",
  "true",
];
const NAMES = ['"F32"', '"F16"', '"BF16"', '"F64"', '"I8"', '"F4"', '"__proto__"', '"flags"', '"__metadata__"'];

/** One change of the header, or of its length. */
function mutated(next: (below: number) => number): Uint8Array {
  const header = new TextDecoder().decode(original.subarray(8, headerEnd));
  const pick = (list: readonly string[]): string => list[next(list.length)]!;
  const change = next(6);
  if (change === 0) {
    const bytes = original.slice();
    for (let i = 0; i <= next(3); i++) bytes[next(headerEnd)] = next(256);
    return bytes;
  }
  if (change === 1) return original.slice(0, next(original.length + 1));
  let text = header;
  for (let i = 0; i <= next(3); i++) {
    if (change === 2 || change === 3) {
      // One of its numbers, or one of its strings.
      const places = [...text.matchAll(change === 2 ? /\d+/g : /"[^"]*"/g)];
      const place = places[next(places.length)];
      if (place === undefined) break;
      const by = change === 2 ? (next(2) === 0 ? pick(WILD) : String(Number(place[0]) + next(9) - 4)) : pick(NAMES);
      text = text.slice(0, place.index) + by + text.slice(place.index + place[0].length);
    } else if (change === 4) {
      const [from, length] = [next(text.length), next(12)];
      text = text.slice(0, from) + text.slice(from + length);
    } else {
      const [from, length, to] = [next(text.length), next(30), next(text.length)];
      text = text.slice(0, to) + text.slice(from, from + length) + text.slice(to);
    }
  }
  const encoded = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + encoded.length + original.length - headerEnd);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(encoded.length), true);
  bytes.set(encoded, 8);
  bytes.set(original.subarray(headerEnd), 8 + encoded.length);
  return bytes;
}

/** Opens a file whose source fails the test when it is asked for a byte that the file does not have. */
function openWatched(bytes: Uint8Array): SafetensorsFile {
  return new SafetensorsFile({
    name: "mutated",
    size: bytes.length,
    read: (from, length) => {
      expect(Number.isSafeInteger(from) && from >= 0 && length >= 0 && from + length <= bytes.length).toBe(true);
      return bytes.slice(from, from + length);
    },
  });
}

const READ: ReadonlySet<string> = new Set(["F32", "F16", "BF16"]);

/** What a header that was accepted promises, looked up in it again. */
function checkAccepted(bytes: Uint8Array, file: SafetensorsFile): void {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const covered = new Uint8Array(bytes.length - 8 - length);
  for (const [name, { dtype, begin, end }] of file.tensors) {
    const [from, to] = header[name]!.data_offsets;
    expect([begin, end]).toEqual([8 + length + from, 8 + length + to]);
    for (let at = from; at < to; at++) covered[at]!++;
    if (!READ.has(dtype)) {
      expect(() => file.read(name)).toThrow("expected F32, F16 or BF16");
      continue;
    }
    const { shape, data } = file.read(name);
    expect(shape.reduce((product, axis) => product * axis, 1)).toBe(data.length);
    expect(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).toEqual(bytes.slice(begin, end));
  }
  expect(covered.every((times) => times === 1)).toBe(true);
}

describe("mutated headers", () => {
  test(`give an error or a right result, ${MUTATIONS} of them`, () => {
    let accepted = 0;
    for (let seed = 1; seed <= MUTATIONS; seed++) {
      const bytes = mutated(generator(seed));
      let file: SafetensorsFile | undefined;
      try {
        file = openWatched(bytes);
      } catch (error) {
        expect((error as Error).message, `seed ${seed}`).toMatch(/^safetensors: mutated: /);
      }
      if (file === undefined) continue;
      accepted++;
      checkAccepted(bytes, file);
    }
    // Renamed tensors and formats of the same size are right.
    expect(accepted).toBeGreaterThan(MUTATIONS / 50);
    expect(accepted).toBeLessThan(MUTATIONS / 2);
  });

  test("the file that they are made of is right", () => {
    checkAccepted(original, parseSafetensors(original));
  });
});
