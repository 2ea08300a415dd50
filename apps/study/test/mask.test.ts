import { describe, expect, it } from "vitest";
import { saccadeSync } from "./run-saccade.ts";

/** Runs the command from its source, as a user would. */
const saccade = (...args: string[]) => saccadeSync(args);

describe("saccade mask", () => {
  it("draws a mask", () => {
    const { status, stdout } = saccade("mask", "q >= k && q - k < 2", "--size", "4");
    expect(stdout).toBe(["   k 0", "q 0  #...", "  1  ##..", "  2  .##.", "  3  ..##", ""].join("\n"));
    expect(status).toBe(0);
  });

  it("draws other queries than keys, anywhere", () => {
    const { stdout } = saccade("mask", "q >= k - h", "--queries=2", "--keys=10", "--offset=-1", "--head=1");
    expect(stdout).toBe(["    k 0       8", "q -1  #.........", "   0  ##........", ""].join("\n"));
  });

  it("says what is wrong with a command line", () => {
    for (const [args, message] of [
      [["mask", "q >= k)"], "saccade: mask: unexpected ')' at column 7\n"],
      [["mask"], "saccade: mask expects an expression, as in 'q >= k && q - k < 4'\n"],
      [["mask", "q >= k", "--size", "0"], 'saccade: --size expects a whole number of at least 1, got "0"\n'],
      [["mask", "q", ">=", "k"], 'saccade: expected only flags, got ">= k"\n'],
      [["mask", "q >= k", "--wide"], "saccade: there is no --wide; --help lists what there is\n"],
    ] as const) {
      expect(saccade(...args)).toMatchObject({ status: 2, stderr: message });
    }
  });

  it("has help of its own", () => {
    const { stdout } = saccade("mask", "--help");
    expect(stdout).toContain("Draws which pairs of query and key a mask shows");
    expect(stdout).toContain("--offset");
  });
});
