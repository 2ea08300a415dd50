import { dense } from "@saccade/core";
import { slidingWindow } from "@saccade/sliding-window";
import { expect, test } from "vitest";
import { attentionMap, mapRow, topKeys } from "../../src/index.ts";
import { inputs } from "./call-inputs.ts";

test("the top keys are the first of all keys in order of weight", async () => {
  const map = await attentionMap(dense(), inputs({ queries: 50 }), { queries: [49] });
  const row = mapRow(map, 49, 2);
  const tokens = Array.from(row, (_, j) => `t${j}`);
  const all = Array.from(row, (weight, position) => ({ position, token: `t${position}`, weight })).sort(
    (a, b) => b.weight - a.weight,
  );
  for (const n of [0, 1, 7, 50, 80]) expect(topKeys(map, 49, n, { head: 2, tokens })).toEqual(all.slice(0, n));
});

test("keys without weight are left out, and of equal ones the earlier comes first", async () => {
  const call = inputs({ queries: 20 });
  const same = { ...call, k: { ...call.k, strides: { ...call.k.strides, n: 0 } } };
  const map = await attentionMap(slidingWindow({ window: 3 }), same, { queries: [10], average: true });
  const top = topKeys(map, 10, 5);
  expect(top.map(({ position }) => position)).toEqual([8, 9, 10]);
  expect(top.map(({ token }) => token)).toEqual([undefined, undefined, undefined]);
  expect(topKeys(map, 10, 2).map(({ position }) => position)).toEqual([8, 9]);
  expect(() => topKeys(map, 10, -1)).toThrow("topKeys: n is -1, expected an integer of at least 0");
});
