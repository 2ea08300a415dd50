import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { RECURRENCE, RECURRENCE_WORDS } from "./recurrence-layout.ts";

test("the fields of Recurrence stand in the order of recurrence.h, and a step has three words", async () => {
  const header = await readFile(new URL("../../../../kernels/c/recurrence.h", import.meta.url), "utf8");
  const end = header.indexOf("} Recurrence;");
  const body = header.slice(header.lastIndexOf("typedef struct {", end) + "typedef struct {".length, end);
  const names = body
    .replaceAll(/\/\/.*$/gm, "")
    .split(";")
    .flatMap((declaration) => declaration.split(","))
    .map((part) => /(\w+)\s*$/.exec(part)?.[1])
    .filter((name) => name !== undefined);
  expect(names).toEqual(Object.keys(RECURRENCE));
  let words = 0;
  for (const name of names) {
    expect(RECURRENCE[name as keyof typeof RECURRENCE]).toBe(words);
    words += name.endsWith("Step") ? 3 : 1;
  }
  expect(words).toBe(RECURRENCE_WORDS);
});
