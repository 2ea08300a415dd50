import { afterAll, describe, expect, test } from "vitest";
import { recur, recurSync } from "../src/recurrence/recur.ts";
import type { RecurrenceJob } from "../src/recurrence/recurrence.ts";
import { tensor } from "../src/tensor.ts";
import { flattened } from "./attention-case.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { naiveRecurrence } from "./naive-recurrence.ts";
import { DECAYS, exactly, ownJob, parallelOf, randomJob, RULES, TOKENS } from "./recurrence-case.ts";

const { available } = await availableRuntimes();
afterAll(() => Promise.all(available.map(({ runtime }) => runtime[Symbol.asyncDispose]())));
const SEEDS = process.env["SACCADE_EXHAUSTIVE"] ? 24 : 3;
const COMBINATIONS = RULES.flatMap((rule) => DECAYS.map((decay) => [rule, decay] as const));

function worst(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let most = got.length === want.length ? 0 : Infinity;
  for (let i = 0; i < want.length; i++) {
    const off = got[i] === want[i] ? 0 : Math.abs(got[i]! - want[i]!);
    most = Number.isNaN(off) ? Infinity : Math.max(most, off);
  }
  return most;
}

function largest(numbers: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < numbers.length; i++) most = Math.max(most, Math.abs(numbers[i]!));
  return most;
}

/** The error of a runtime as a share of what the rule allows; `size` is that of the largest number. */
function shareOfAllowed(got: Float32Array, naive: Float32Array, exact: Float64Array, size = largest(exact)): number {
  const error = worst(got, exact);
  return error === 0 ? 0 : error / (2 * worst(naive, exact) + 4 * 2 ** -24 * size);
}

function check(job: RecurrenceJob, ran: RecurrenceJob): void {
  const exact = exactly(job);
  const naive = naiveRecurrence(job);
  const passed = job.mode === "write" ? 0 : largest(exact.out);
  if (job.mode !== "write") expect(shareOfAllowed(flattened(ran.out), naive.out, exact.out)).toBeLessThanOrEqual(1);
  // What a state passed through may be larger than what it ends as; outputs show it.
  const size = Math.max(largest(exact.state), passed);
  expect(shareOfAllowed(ran.state, naive.state, exact.state, size)).toBeLessThanOrEqual(1);
  if (job.normaliser)
    expect(worst(ran.normaliser!, exact.normaliser!)).toBeLessThan(1e-5 * (1 + largest(exact.normaliser!)));
}

describe.each(available)("a recurrence on $label", ({ runtime }) => {
  test.each(COMBINATIONS)("%s with decay %s is within the rule of its float64 definition", async (rule, decay) => {
    for (const tokens of TOKENS) {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const job = randomJob(
          rule,
          decay,
          tokens,
          seed * 31 + COMBINATIONS.findIndex((x) => x[0] === rule && x[1] === decay),
        );
        const ran = ownJob(job);
        if (seed % 2 === 1) await recur("recur", ran, runtime);
        else recurSync("recur", ran, runtime);
        check(job, ran);
      }
    }
  });

  test.each(RULES)(
    "%s in two halves is the whole: writes without reads, and reads of what was written",
    async (rule) => {
      for (const tokens of [1, 17, 64]) {
        const job = randomJob(rule, "channel", tokens, 5, "write");
        const ran = ownJob(job);
        await recur("recur", ran, runtime);
        check(job, ran);
        expect(flattened(ran.out).every((x) => Number.isNaN(x))).toBe(true);
        const second = randomJob(rule, "none", tokens, 6, "read");
        const read = ownJob(second);
        await recur("recur", read, runtime);
        check(second, read);
        expect(read.state).toEqual(second.state);
      }
    },
  );

  test("has the same bits at one thread and two", async () => {
    for (const rule of RULES) {
      const job = randomJob(rule, "token", 203, 3);
      const [one, two] = [ownJob(job), ownJob(job)];
      await recur("recur", one, runtime, { threads: 1 });
      await recur("recur", two, runtime, { threads: 2 });
      expect(Buffer.from(flattened(one.out).buffer).equals(Buffer.from(flattened(two.out).buffer))).toBe(true);
      expect(Buffer.from(one.state.buffer).equals(Buffer.from(two.state.buffer))).toBe(true);
    }
  });

  test("is cancelled by its signal, and does not hold the event loop", async () => {
    const job = longJob();
    const controller = new AbortController();
    let turns = 0;
    const timer = setInterval(() => {
      if (++turns === 3) controller.abort(new Error("enough"));
    }, 1);
    const ended = await recur("recur", job, runtime, { signal: controller.signal, threads: 1 }).then(
      () => "done",
      (error: Error) => error.message,
    );
    clearInterval(timer);
    if (turns >= 3) expect(ended).toBe("enough");
    const aborted = AbortSignal.abort(new Error("before"));
    await expect(recur("recur", longJob(), runtime, { signal: aborted })).rejects.toThrow("before");
  });
});

/** Hundreds of milliseconds in plain loops. */
function longJob(): RecurrenceJob {
  const tokens = 20_000;
  const x = tensor(new Float32Array(tokens * 64).fill(0.1), { shape: [1, 1, tokens, 64] });
  return {
    shape: { batch: 1, heads: 1, kvHeads: 1, valueHeads: 1, tokens, headDim: 64, valueDim: 64 },
    ...{ q: x, k: x, v: x },
    scale: 1,
    decay: { kind: "head", log: Float32Array.of(-0.1) },
    rule: { kind: "additive" },
    mode: "write-and-read",
    lengths: undefined,
    state: new Float32Array(64 * 64),
    normaliser: undefined,
    out: tensor(new Float32Array(tokens * 64), { shape: [1, 1, tokens, 64] }),
  };
}

test.each(COMBINATIONS)("%s with decay %s over all pairs is the recurrence", (rule, decay) => {
  for (const tokens of [1, 3, 17, 64]) {
    const job = randomJob(rule, decay, tokens, tokens + 7);
    const { out } = exactly(job);
    expect(worst(parallelOf(job), out)).toBeLessThan(1e-11 * (1 + largest(out)));
  }
});

describe("a recurrence that does not fit together is refused:", () => {
  const job = randomJob("delta", "token", 5, 2);
  const { shape } = job;
  const cases: [string, Partial<RecurrenceJob>, string][] = [
    ["k of other tokens", { k: { ...job.k, length: 4 } }, "recur: k has batch, heads, tokens and width"],
    [
      "a decay for other channels",
      { decay: { kind: "channel", log: { ...job.q, width: 2 } } },
      "recur: decay has batch",
    ],
    [
      "too few decays",
      { decay: { kind: "head", log: new Float32Array(0) } },
      "recur: decay has 0 numbers, expected V =",
    ],
    [
      "a normaliser with the delta rule",
      { normaliser: new Float32Array(shape.batch * shape.valueHeads * shape.headDim) },
      'recur: a normaliser goes with the additive rule, not with "delta"',
    ],
    ["a state of another size", { state: new Float32Array(1) }, "recur: state has 1 numbers, expected B V D E ="],
    [
      "lengths beyond N",
      { lengths: new Int32Array(shape.batch).fill(6) },
      "recur: lengths[0] is 6, expected an integer in 0..5",
    ],
    ["an output that is an input", { out: job.v }, "recur: out"],
    [
      "heads that do not group",
      { shape: { ...shape, kvHeads: 5, valueHeads: 7 } },
      "recur: k has G = 5 heads, which does not divide V = 7",
    ],
  ];
  test.each(cases)("%s", (_, change, message) => {
    const [runtime] = available;
    expect(() => recurSync("recur", { ...ownJob(job), ...change }, runtime!.runtime)).toThrow(message);
  });
});
