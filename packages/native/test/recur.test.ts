import { describe, expect, test } from "vitest";
import { OUTCOME, RECUR_NUMBERS, type RecurArguments } from "../src/index.ts";
import { addon, best, built } from "./built.ts";
import { random } from "./dense-call.ts";

const SHAPE = { B: 2, H: 4, G: 1, V: 2, N: 21, D: 19, E: 23 };
const DELTA = 1;

/** Contiguous tokens of the delta rule, with a decay by token. */
function deltaCall({ B, H, G, V, N, D, E } = SHAPE): [...RecurArguments] {
  const numbers = new Float64Array(RECUR_NUMBERS.count);
  const sizes = { isa: best, threads: 2, B, H, G, V, N, D, E, scale: 0.5, panel: 16, decayKind: 2, rule: DELTA };
  for (const [name, value] of Object.entries(sizes)) numbers[RECUR_NUMBERS[name as "B"]] = value;
  const view = (name: "q" | "k" | "v" | "out" | "decay" | "beta", heads: number, width: number): void =>
    numbers.set([0, heads * N * width, N * width, width], RECUR_NUMBERS[name]);
  view("q", H, D);
  view("k", G, D);
  view("v", V, E);
  view("out", H, E);
  view("decay", V, 1);
  view("beta", V, 1);
  const small = (count: number, seed: number): Float32Array => random(count, seed).map((x) => x / D);
  return [
    numbers,
    Int32Array.from({ length: B }, (_, b) => (b === 0 ? N : 5)),
    random(B * H * N * D, 1),
    small(B * G * N * D, 2),
    random(B * V * N * E, 3),
    new Float32Array(B * H * N * E).fill(NaN),
    random(B * V * D * E, 4),
    random(B * V * N, 5).map((x) => -Math.abs(x)),
    random(B * V * N, 6).map((x) => Math.abs(x)),
    undefined,
    undefined,
    undefined,
    undefined,
  ];
}

/** The formula, token by token in float64: outputs and states. */
function byFormula(call: readonly unknown[]): { out: Float64Array; state: Float64Array } {
  const { B, H, V, N, D, E } = SHAPE;
  const [, lengths, q, k, v, , from, decay, beta] = call as unknown as RecurArguments;
  const out = new Float64Array(B * H * N * E);
  const state = Float64Array.from(from);
  for (let b = 0; b < B; b++) {
    for (let s = 0; s < V; s++) {
      const S = state.subarray((b * V + s) * D * E, (b * V + s + 1) * D * E);
      for (let n = 0; n < lengths![b]!; n++) {
        const token = (b * V + s) * N + n;
        for (let i = 0; i < S.length; i++) S[i]! *= Math.exp(decay![token]!);
        for (let e = 0; e < E; e++) {
          let recalled = 0;
          for (let d = 0; d < D; d++) recalled += k[(b * N + n) * D + d]! * S[d * E + e]!;
          const written = beta![token]! * (v[token * E + e]! - recalled);
          for (let d = 0; d < D; d++) S[d * E + e]! += k[(b * N + n) * D + d]! * written;
          for (let h = s * (H / V); h < (s + 1) * (H / V); h++) {
            const row = (b * H + h) * N + n;
            for (let d = 0; d < D; d++) out[row * E + e]! += 0.5 * q[row * D + d]! * S[d * E + e]!;
          }
        }
      }
    }
  }
  return { out, state };
}

function worst(got: Float32Array, want: Float64Array): number {
  return got.reduce((most, x, i) => Math.max(most, Number.isNaN(x) ? Infinity : Math.abs(x - want[i]!)), 0);
}

describe.skipIf(!built)("the addon runs recurrences", () => {
  test("by the formula, with outputs of 0 past the end of a batch element", () => {
    const call = deltaCall();
    const want = byFormula(call);
    expect(addon.recurSync(...call)).toBe(OUTCOME.done);
    expect(worst(call[5], want.out)).toBeLessThan(1e-5);
    expect(worst(call[6], want.state)).toBeLessThan(1e-5);
  });

  test("asynchronously, with the same bits", async () => {
    const [now, later] = [deltaCall(), deltaCall()];
    addon.recurSync(...now);
    expect(await new Promise<number>((resolve) => addon.recur(...later, resolve))).toBe(OUTCOME.done);
    expect(later[5]).toEqual(now[5]);
    expect(later[6]).toEqual(now[6]);
  });

  test("of no tokens, and leaves the state", () => {
    const call = deltaCall({ ...SHAPE, N: 0 });
    call[1] = undefined;
    const before = call[6].slice();
    expect(addon.recurSync(...call)).toBe(OUTCOME.done);
    expect(call[6]).toEqual(before);
  });
});

describe.skipIf(!built)("the addon refuses recurrences", () => {
  const number = (place: number, value: number) => (): number => {
    const call = deltaCall();
    call[0][place] = value;
    return addon.recurSync(...call);
  };
  const changed = (change: (call: [...RecurArguments]) => void) => (): number => {
    const call = deltaCall();
    change(call);
    return addon.recurSync(...call);
  };

  test("of sizes that do not fit", () => {
    expect(number(RECUR_NUMBERS.V, 3)).toThrow("heads do not divide");
    expect(number(RECUR_NUMBERS.G, 0)).toThrow("expected an integer in 1..");
    expect(number(RECUR_NUMBERS.D, 0)).toThrow("expected an integer in 1..");
    expect(number(RECUR_NUMBERS.N, 2 ** 31)).toThrow("expected an integer in 0..");
    expect(number(RECUR_NUMBERS.panel, 0)).toThrow("expected an integer in 1..");
    expect(number(RECUR_NUMBERS.rule, 3)).toThrow("expected an integer in 0..2");
    expect(number(RECUR_NUMBERS.decayKind, 4)).toThrow("expected an integer in 0..3");
    expect(number(RECUR_NUMBERS.isa, 99)).toThrow("expected an integer in 0..");
  });

  test("of views that reach beyond their arrays", () => {
    expect(number(RECUR_NUMBERS.q, 1)).toThrow("q reaches from element 1");
    expect(number(RECUR_NUMBERS.k + 3, 1000)).toThrow("k reaches");
    expect(number(RECUR_NUMBERS.out + 1, 2 ** 52)).toThrow("out reaches");
    expect(number(RECUR_NUMBERS.decay + 2, -1)).toThrow("decay reaches");
    expect(number(RECUR_NUMBERS.E, 24)).toThrow("v reaches");
  });

  test("of arrays that are missing, too short, of the wrong kind, or one for two", () => {
    expect(changed((call) => void (call[7] = undefined))).toThrow("decay is missing");
    expect(changed((call) => void (call[8] = undefined))).toThrow("beta is missing");
    expect(changed((call) => void (call[6] = new Float32Array(7)))).toThrow("state is shorter than its states");
    expect(changed((call) => void (call[11] = new Float32Array(76)))).toThrow("sums need the additive rule");
    expect(changed((call) => void (call[2] = new Float64Array(9) as unknown as Float32Array))).toThrow(
      "q is not a Float32Array",
    );
    expect(changed((call) => void (call[1] = Int32Array.of(1)))).toThrow("lengths does not have B elements");
    expect(changed((call) => void (call[1] = Int32Array.of(22, 0)))).toThrow("a length is not in 0..N");
    expect(
      changed((call) => {
        call[0][RECUR_NUMBERS.rule] = 0;
        call[11] = call[12] = new Float32Array(76);
      }),
    ).toThrow("sumsAfter is sums");
  });
});
