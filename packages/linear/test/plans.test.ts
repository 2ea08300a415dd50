import type { Gate, LinearAttention } from "@saccade/core";
import { expect, test } from "vitest";
import {
  deltaNet,
  eluPlusOne,
  favorPlus,
  gated,
  hedgehog,
  linear,
  logLinear,
  lolcats,
  rwkv7,
  taylor,
} from "../src/index.ts";
import { CASES } from "./variant-cases.ts";

const shape = { heads: 8, kvHeads: 4, valueHeads: 4, queries: 1000, headDim: 64, valueDim: 32 };
const [D, E] = [64, 32];

test.each([
  ["linear", linear({ map: eluPlusOne() }), D * (E + 1), 2 * 8 + 2 * 4],
  ["gated", gated(), D * E, 2 * 8 + 2 * 4],
  ["deltaNet", deltaNet(), D * E, 2 * 8 + 4 * 4],
  ["rwkv7", rwkv7(), D * E, 2 * 8 + 6 * 4],
])("%s plans its state and the work on it", (_, attend, numbers, operations) => {
  const plan = attend.plan(shape);
  expect(plan.stateBytes).toBe(4 * (4 * numbers + 1));
  expect(plan.cacheBytes).toBe(plan.stateBytes);
  expect(plan.flops).toBe(1000 * D * E * operations);
  expect(plan.exact).toBe(true);
  const gates = attend.gates.reduce((sum, name) => sum + (name === "beta" ? 1 : D), 0);
  expect(plan.bytesRead).toBe(4000 * (8 * D + 4 * (D + E + gates)) + plan.stateBytes);
});

test("a tree of states has one for each level, and a window its keys and values", () => {
  expect(logLinear({ levels: 11 }).plan(shape).stateBytes).toBe(4 * (10 * 4 * D * E + 1));
  const window = lolcats({ window: 100, map: hedgehog() }).plan(shape);
  expect(window.stateBytes).toBe(4 * (4 * (2 * D * (E + 1) + 100 * (D + E)) + 1));
});

test("what a tree costs is counted by its bits", () => {
  const plan = (queries: number): number => logLinear({ levels: 20 }).plan({ heads: 1, queries, headDim: 1 }).flops;
  // Token by token: tokens 0..4 read 0, 1, 1, 2, 1 stretches. Halves are written at tokens {0}, {2}, {0, 1}; all five join the tree.
  expect(plan(5)).toBe(2 * (5 + 5 + 4));
  expect(plan(1)).toBe(2);
});

test("rewinding keeps a second state and up to twice as many tokens", () => {
  const plan = gated().plan({ ...shape, rewindable: 3 });
  expect(plan.cacheBytes).toBe(2 * plan.stateBytes + 6 * 4 * (4 * D + 4 * E + 4 * D));
});

test("a decoder has the bytes that were planned", () => {
  for (const { make } of CASES) {
    const sizes = { batch: 2, heads: 4, kvHeads: 2, valueHeads: 2, headDim: 16, valueDim: 8 };
    const attend = make({ ...sizes, tokens: 1 });
    const decoder = attend.decoder({ ...sizes, rewindable: 4 });
    const plan = attend.plan({ ...sizes, queries: 1, rewindable: 4 });
    expect(decoder.cacheBytes).toBe(plan.cacheBytes);
    expect(attend.state(sizes).bytes).toBe(plan.stateBytes);
  }
});

test.each([
  ["taylor", linear({ map: taylor() }), 16],
  ["taylor of wide keys", linear({ map: taylor() }), 64],
  ["favorPlus", linear({ map: favorPlus() }), 128],
  ["hedgehog", linear({ map: hedgehog() }), 128],
  ["lolcats", lolcats({ window: 64, map: hedgehog() }), 128],
  ["logLinear", logLinear({ levels: 21 }), 64],
  ["deltaNet that normalises", deltaNet({ normaliseKeys: true, normaliseQueries: true }), 128],
] as readonly [string, LinearAttention<Gate>, number][])(
  "%s over a million tokens holds less than 64 MB beside inputs, output and state",
  (_, attend, headDim) => {
    const plan = (queries: number) => attend.plan({ heads: 8, queries, headDim });
    const long = plan(2 ** 20);
    expect(long.workspaceBytes - long.stateBytes).toBeLessThan(64e6);
    expect(long.workspaceBytes).toBe(plan(2 ** 18).workspaceBytes);
  },
);
