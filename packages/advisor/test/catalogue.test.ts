import { dense, openRuntime, type MixResult, type Runtime, type Tensor } from "@saccade/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { candidate, VARIANTS, type Candidate } from "../src/index.ts";
import { difference, numbersOf, part, tokensOf } from "./call-tokens.ts";

const SIZES = { heads: 4, kvHeads: 2, tokens: 96, headDim: 16 } as const;
const SHAPE = { ...SIZES, queries: SIZES.tokens };
/** Settings under which small calls already differ from dense attention. */
const SMALL: Readonly<Record<string, string>> = {
  window: "window:16:sinks=2",
  chunk: "chunk:32",
  "segment-recurrence": "segment-recurrence:16:memory=16",
  "dual-chunk": "dual-chunk:32:local=8",
  "dilated-segments": "dilated-segments:16",
  "compressive-memory": "compressive-memory:32",
  "big-bird": "big-bird:8:random=1",
  longformer: "longformer:16:global=2",
  strided: "strided:8",
  fixed: "fixed:16:summary=2",
  "a-shape": "a-shape:16:sinks=2",
  "top-k-blocks": "top-k-blocks:8:k=3",
  "native-sparse": "native-sparse:8:selected=3:window=16:length=8:stride=4",
  "page-select": "page-select:24:page=8",
  cumulative: "cumulative:0.5:block=8:query-block=8:similarity=-1",
  "vertical-slash": "vertical-slash:30:slashes=32:last=8",
  "oracle-blocks": "oracle-blocks:8:k=3",
  "index-top-k": "index-top-k:24",
  "cos-former": "cos-former:100",
  lolcats: "lolcats:16",
  "log-linear": "log-linear:8",
};
const names = VARIANTS.map(({ name }) => name);
const every = names.map((name) => [name, candidate(name), candidate(SMALL[name] ?? name)] as const);

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openRuntime("auto", { threads: 1 });
});
afterAll(() => runtime[Symbol.asyncDispose]());

/** The variant that its code makes, from the packages that the code imports. */
async function fromCode({ code, packageName }: Candidate): Promise<{
  forward(inputs: object, options: object): Promise<MixResult>;
}> {
  const found = new Map<string, unknown>(Object.entries({ heads: 4, kvHeads: 2, headDim: 16 }));
  for (const [home, imports] of Object.entries({ [packageName]: code.imports, ...code.otherImports })) {
    const module = (await import(home)) as Record<string, unknown>;
    for (const name of imports) found.set(name, module[name]);
  }
  // oxlint-disable-next-line no-implied-eval, typescript/no-implied-eval -- running the code is what is tested.
  return new Function(...found.keys(), `return ${code.expression}`)(...found.values());
}

describe.each(every)("%s", (name, atDefaults, small) => {
  it("runs at its defaults, and gives finite rows", async () => {
    const tokens = tokensOf(SIZES);
    const { out, runtime: ran } = await atDefaults.forward(tokens, { runtime });
    expect([out.batch, out.heads, out.length, out.width]).toEqual([1, 4, 96, 16]);
    expect(numbersOf(out).every(Number.isFinite)).toBe(true);
    expect(ran).toBe(runtime.name);
  });

  it("plans finite numbers at its defaults", () => {
    const plan = atDefaults.plan(SHAPE);
    for (const number of [plan.flops, plan.bytesRead, plan.workspaceBytes, plan.cacheBytes, plan.selectingFlops]) {
      expect(number).toBeGreaterThanOrEqual(0);
      expect(number).toBeLessThan(1e12);
    }
    expect(plan.flops).toBeGreaterThan(0);
    expect(plan.cacheBytes).toBeGreaterThan(0);
    expect(plan.selectingFlops).toBeLessThan(plan.flops);
    expect(plan.visitedPairs === undefined).toBe(plan.visiblePairs === undefined);
    expect(atDefaults.refuses(SHAPE)).toBeUndefined();
  });

  it("gives the same row for a token whatever comes after it, where it is causal and asks no later token", async () => {
    if (!small.causal || small.noDecoder !== undefined) return;
    const tokens = tokensOf(SIZES);
    const all = numbersOf((await small.forward(tokens, { runtime })).out);
    const first = numbersOf((await small.forward(part(tokens, 0, 61), { runtime })).out);
    for (let h = 0; h < 4; h++) {
      const [row, rows] = [first.subarray(h * 61 * 16, (h + 1) * 61 * 16), all.subarray(h * 96 * 16)];
      expect(difference(row, rows.subarray(0, row.length))).toBeLessThan(2e-5);
    }
  });

  it("gives in steps of a decoder what it gives at once", async () => {
    const decode = () => small.decoder({ heads: 4, kvHeads: 2, headDim: 16, capacity: 96, runtime });
    if (small.noDecoder !== undefined) {
      expect(decode).toThrow(`has no decoder: ${small.noDecoder}`);
      return;
    }
    const tokens = tokensOf(SIZES);
    const whole = numbersOf((await small.forward(tokens, { runtime })).out);
    await using decoder = decode();
    const rows = new Float32Array(whole.length);
    const put = (out: Tensor, at: number): void => {
      const stretch = numbersOf(out);
      const each = out.length * 16;
      for (let h = 0; h < 4; h++) rows.set(stretch.subarray(h * each, (h + 1) * each), (h * 96 + at) * 16);
    };
    put((await decoder.append(part(tokens, 0, 50))).out, 0);
    for (let n = 50; n < 96; n++) put(decoder.appendSync(part(tokens, n, n + 1)).out, n);
    expect(decoder.length).toBe(96);
    expect(difference(rows, whole)).toBeLessThan(1e-4);
  });

  it("is what its code makes", async () => {
    const tokens = tokensOf(SIZES);
    const made = await fromCode(small);
    if (Object.keys(small.code.inputs).length > 0) {
      // Its inputs are the candidate's own: the code is refused without them, by name.
      await expect(made.forward(tokens, { runtime })).rejects.toThrow(Object.keys(small.code.inputs)[0]);
      return;
    }
    const { out } = await made.forward(tokens, { runtime });
    expect(numbersOf(out)).toEqual(numbersOf((await small.forward(tokens, { runtime })).out));
  });

  it("has a log-sum-exp of a part of dense attention's mass where it says so, and otherwise none", async () => {
    if (small.softmax === undefined) return;
    const tokens = tokensOf(SIZES);
    const { lse, out } = await small.softmax.forward(tokens, { lse: true, runtime });
    const all = await dense({ causal: small.causal }).forward(tokens, { lse: true, runtime });
    const recall = lse.map((x, i) => Math.exp(x - all.lse[i]!));
    expect(recall.every((share) => share > 0 && share < 1 + 1e-5)).toBe(true);
    if (!small.exact) expect(recall.some((share) => share < 0.99)).toBe(true);
    expect(numbersOf(out)).toEqual(numbersOf((await small.forward(tokens, { runtime })).out));
  });

  it("says what it is in one line", () => {
    for (const { description } of [atDefaults, small]) {
      expect(description).not.toMatch(/\n|undefined|NaN/);
      expect(description.length).toBeLessThan(220);
    }
    expect(atDefaults.spec.variant).toBe(name);
  });
});

describe("a candidate", () => {
  it("refuses what its variant cannot take, and says why", () => {
    expect(candidate("log-linear:8").refuses({ ...SHAPE, queries: 129 })).toBe(
      'variant "log-linear:8" takes at most 128 tokens, got 129',
    );
    expect(candidate("retention").refuses({ ...SHAPE, keys: 200 })).toContain("N = 96 and M = 200");
    expect(candidate("dense").refuses({ ...SHAPE, keys: 200 })).toBeUndefined();
    expect(candidate("dense").refuses({ ...SHAPE, kvHeads: 3 })).toContain("G = 3");
  });

  it("sees later keys where it is asked for", async () => {
    for (const id of ["dense:causal=no", "window:8:causal=no", "longformer:8:causal=no", "linear:elu:causal=no"]) {
      const both = candidate(id);
      expect(both.causal).toBe(false);
      const tokens = tokensOf(SIZES);
      const rows = numbersOf((await both.forward(tokens, { runtime })).out).subarray(0, 16);
      const first = numbersOf((await both.forward(part(tokens, 0, 1), { runtime })).out).subarray(0, 16);
      expect(difference(rows, first)).toBeGreaterThan(0.1);
    }
  });

  it("makes the inputs of a long call from few numbers", () => {
    const [few, gated] = ["retention", "gated"].map((id) =>
      candidate(id).plan({ heads: 8, queries: 2 ** 20, headDim: 64 }),
    );
    expect(gated!.workspaceBytes - few!.workspaceBytes).toBeLessThan(6e6);
  });
});
