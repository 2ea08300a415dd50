import { expect, it } from "vitest";
import { parseLength } from "./lengths.ts";

it("reads k and m as powers of 1024", () => {
  expect(["512", "4k", "1M", " 64K"].map(parseLength)).toEqual([512, 4096, 2 ** 20, 2 ** 16]);
});

it.each(["", "k", "4 k", "1.5k", "-4", "4g", "0", "99999999999999999999"])("reads nothing else: %j", (text) => {
  expect(parseLength(text)).toBeUndefined();
});
