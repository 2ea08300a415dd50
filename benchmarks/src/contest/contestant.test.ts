import { expect, test } from "vitest";
import { shapeOf } from "../cases.ts";
import { Contestant } from "./contestant.ts";
import { interleave } from "./interleave.ts";

const shape = shapeOf({ N: 8 });

test("what a system throws becomes a recorded failure, and it takes no more turns", async () => {
  using contestant = new Contestant({ system: "nobody", runtime: "native", threads: 1 }, shape, 30_000);
  await contestant.prepare();
  expect(contestant.failed).toBe("no system nobody with runtime native");
  await interleave([contestant], { rounds: 2, roundMs: 1, budgetMs: 1000, fewestRounds: 1 });
  expect(contestant.rounds).toEqual([]);
});

test("a process that dies or hangs becomes a recorded failure", async () => {
  using dead = new Contestant({ system: "nobody", runtime: "native", threads: 1 }, shape, 30_000);
  dead[Symbol.dispose]();
  await dead.prepare();
  expect(dead.failed).toContain("process ended (SIGKILL");
  using slow = new Contestant({ system: "nobody", runtime: "native", threads: 1 }, shape, 1);
  await slow.prepare();
  expect(slow.failed).toBe("timeout: more than 0.001 s");
});
