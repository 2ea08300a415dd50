import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { decodeBytes, encodeBytes } from "./byte-text.ts";
import { compileKernelsSync } from "./sync.ts";

describe("bytes as text", () => {
  test("come back, all 256 of them, however often each occurs", () => {
    for (const bytes of [
      new Uint8Array(0),
      Uint8Array.from({ length: 256 }, (_, i) => i),
      Uint8Array.from({ length: 5000 }, (_, i) => (i * i) >> 7),
    ]) {
      expect(decodeBytes(encodeBytes(bytes))).toEqual(bytes);
    }
  });

  test("need no escapes in a string literal", () => {
    const { text } = encodeBytes(Uint8Array.from({ length: 256 }, (_, i) => i));
    expect(text).toMatch(/^[!-~]+$/);
    expect(text).not.toMatch(/["'`$\\]/);
  });

  test("take no more space in a download than the bytes, where base64 takes half as much again", () => {
    // Words that repeat at odd distances, as instructions do.
    const bytes = Uint8Array.from(
      { length: 30_000 },
      (_, i) => (i % 7) * 31 + ((Math.floor(i / 7) * 2654435761) >>> 29),
    );
    const plain = gzipSync(bytes, { level: 9 }).length;
    expect(gzipSync(encodeBytes(bytes).text, { level: 9 }).length).toBeLessThan(1.1 * plain);
  });

  test("carry kernels that compile", () => {
    expect(
      WebAssembly.Module.exports(compileKernelsSync({ instructionSet: "simd128", shared: false })).length,
    ).toBeGreaterThan(5);
  });
});
