import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { JOB } from "./job-layout.ts";

test("the fields of Job stand in the order of job.h", async () => {
  const header = await readFile(new URL("../../../../kernels/c/job.h", import.meta.url), "utf8");
  const end = header.indexOf("} Job;");
  const body = header.slice(header.lastIndexOf("typedef struct {", end) + "typedef struct {".length, end);
  const names = body
    .replaceAll(/\/\/.*$/gm, "")
    .split(";")
    .flatMap((declaration) => declaration.split(","))
    .map((part) => /(\w+)\s*$/.exec(part.replace("[SACCADE_OPERANDS]", ""))?.[1])
    .filter((name) => name !== undefined)
    .flatMap((name) => (name === "q" ? ["q", "q1", "q2", "q3"] : [name]));
  expect(names).toEqual(Object.keys(JOB));
  expect(Object.values(JOB)).toEqual(names.map((_, index) => index));
});
