import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dense, tensor, type AttentionResult } from "../src/index.ts";
import { checkCall } from "../src/job.ts";
import { accuracy, expected, type Expected } from "./accuracy-rule.ts";
import { flattened, LENGTHS, randomCase, type AttentionCase } from "./attention-case.ts";
import { availableRuntimes, type AvailableRuntime } from "./available-runtimes.ts";
import { RandomNumbers } from "./random-numbers.ts";
import { sameBits } from "./same-bits.ts";

const casesPerLength = process.env["SACCADE_EXHAUSTIVE"] ? 300 : 8;
/** Rows of a case that are compared: float64 in JavaScript is slow. */
const sampledRows = 64;

const { available, missing } = await availableRuntimes();
const worst = new Map<string, { ratio: number; lseRatio: number; name: string }>();

afterAll(async () => {
  for (const [label, { ratio, lseRatio, name }] of worst) {
    const figures = `out ${ratio.toFixed(3)}, lse ${lseRatio.toFixed(3)} of what is allowed`;
    console.log(`worst error on ${label}: ${figures} (${name})`);
  }
  for (const reason of missing) console.log(`not run: ${reason}`);
  await Promise.all(available.map(({ runtime }) => runtime[Symbol.asyncDispose]()));
});

function sampled(given: AttentionCase, seed: number): number[] {
  const rows = given.batch * given.heads * given.queries;
  if (rows <= sampledRows) return Array.from({ length: rows }, (_, row) => row);
  const random = new RandomNumbers(seed);
  return Array.from({ length: sampledRows }, () => random.integer(0, rows - 1));
}

function expectedOf(given: AttentionCase, seed: number): Expected {
  const variant = {
    ahead: given.options.causal ? 0 : Infinity,
    back: Infinity,
    scale: given.options.scale ?? undefined,
    softcap: given.options.softcap ?? 0,
    learnedSinks: given.options.learnedSinks && Float32Array.from(given.options.learnedSinks),
  };
  return expected(checkCall("test", variant, given.inputs, false), sampled(given, seed));
}

function same(a: AttentionResult, b: AttentionResult): boolean {
  return sameBits(a.out.data as Float32Array, b.out.data as Float32Array) && sameBits(a.lse!, b.lse!);
}

async function checkRuntime({ label, runtime }: AvailableRuntime, given: AttentionCase, want: Expected) {
  const attend = dense(given.options);
  const two = await attend.forward(given.inputs, { lse: true, runtime, threads: 2 });
  const { ratio, lseRatio } = accuracy(want, flattened(two.out), two.lse);
  const before = worst.get(label);
  if (before === undefined || Math.max(ratio, lseRatio) > Math.max(before.ratio, before.lseRatio)) {
    worst.set(label, { ratio, lseRatio, name: given.name });
  }
  expect(
    Math.max(ratio, lseRatio),
    `out ${ratio}, lse ${lseRatio} of what is allowed: ${given.name}`,
  ).toBeLessThanOrEqual(1);
  if (runtime.name === "reference") return;
  const one = await attend.forward(given.inputs, { lse: true, runtime, threads: 1 });
  expect(same(one, two)).toBe(true);
  const sync = attend.forwardSync(given.inputs, { lse: true, runtime });
  expect(same(sync, two)).toBe(true);
}

describe.each(LENGTHS)("%i queries against %i keys", (queries, keys) => {
  const cases: { given: AttentionCase; want: Expected }[] = [];
  beforeAll(() => {
    for (let seed = 0; seed < casesPerLength; seed++) {
      const given = randomCase(queries, keys, seed);
      cases.push({ given, want: expectedOf(given, seed) });
    }
  }, 120_000);

  test.each(available)("$label keeps the accuracy rule with the same bits on one thread and two", async (runtime) => {
    for (const { given, want } of cases) {
      if (runtime.runtime.name === "reference" && given.batch * given.heads * queries * keys > 300_000) continue;
      await checkRuntime(runtime, given, want);
    }
  });
});

test("wide heads and a group larger than a unit keep the rule", { timeout: 120_000 }, async () => {
  for (const [heads, kvHeads, queries, keys, headDim, valueDim] of [
    [2, 2, 70, 300, 256, 256],
    [2, 1, 70, 300, 192, 128],
    [200, 1, 3, 40, 16, 16],
    [400, 2, 2, 300, 8, 8],
  ] as const) {
    const random = new RandomNumbers(heads);
    const given = {
      ...randomCase(queries, keys, 1),
      ...{ batch: 1, heads, kvHeads, headDim, valueDim, options: { causal: true } },
      name: `H${heads} G${kvHeads} D${headDim} E${valueDim}`,
      inputs: wideInputs(random, heads, kvHeads, queries, keys, headDim, valueDim),
    };
    const want = expectedOf(given, 1);
    for (const runtime of available) await checkRuntime(runtime, given, want);
  }
});

function wideInputs(
  random: RandomNumbers,
  ...[heads, kvHeads, queries, keys, headDim, valueDim]: [number, number, number, number, number, number]
) {
  const view = (h: number, n: number, width: number) =>
    tensor(random.normal(h * n * width), { shape: [1, h, n, width] });
  return { q: view(heads, queries, headDim), k: view(kvHeads, keys, headDim), v: view(kvHeads, keys, valueDim) };
}
