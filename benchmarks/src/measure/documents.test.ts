import { expect, test } from "vitest";
import { documentStarts } from "./documents.ts";

test("documents fill the tokens, the same ones every time", () => {
  const starts = documentStarts(1000, 20);
  expect(new Set(starts).size).toBe(20);
  expect(starts).toEqual(documentStarts(1000, 20));
  expect(starts.every((start, token) => start <= token && starts[start] === start)).toBe(true);
});

test("of more documents than tokens, each token is one", () => {
  expect([...documentStarts(4, 9)]).toEqual([0, 1, 2, 3]);
});
