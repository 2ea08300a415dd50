import { statSync } from "node:fs";
import { expect, it } from "vitest";
import { defaultText } from "./default-text.ts";

it("finds more than a million bytes of declarations", () => {
  expect(statSync(defaultText()).size).toBeGreaterThan(2 ** 20);
});
