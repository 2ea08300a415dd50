import { tensor } from "@saccade/core";
import { describe, expect, it } from "vitest";
import { readEvidence, recommend, type RecommendRequest } from "../src/index.ts";
import { tokensOf } from "./call-tokens.ts";
import { madeStudy, type MadeScores } from "./made-evidence.ts";
import { MACHINE } from "./made-machine.ts";

const REQUEST: RecommendRequest = { seqLen: 32_768, heads: 8, kvHeads: 2, headDim: 64 };

const ask = (request: Partial<RecommendRequest>, cells: Readonly<Record<string, MadeScores>> = {}) =>
  recommend({ ...REQUEST, ...request }, { machine: MACHINE, evidence: readEvidence(madeStudy(cells), "made.jsonl") });

/** A window does what is near, chosen blocks find needles, and a long window is between them. */
const STUDY: Readonly<Record<string, MadeScores>> = {
  dense: {},
  "window:1024:sinks=4": { far: 0.02, needles: 0.1, tasks: 0.1, cosine: 0.5 },
  "top-k-blocks:64": { far: 0.95, needles: 0.97, tasks: 0.9, cosine: 0.9 },
  "chunk:1024": { near: 0.6, far: 0, needles: 0.02, tasks: 0, cosine: 0.3 },
};

describe("recommend", () => {
  it("takes the fastest of those that do the task, and other tasks take others", async () => {
    const local = await ask({ task: "local" }, STUDY);
    expect(local.choices[0]!.id).toBe("window:1024:sinks=4");
    const retrieval = await ask({ task: "retrieval", phase: "prefill" }, STUDY);
    expect(retrieval.choices[0]!.id).toBe("top-k-blocks:64");
    const order = retrieval.choices.map(({ id }) => id);
    expect(order.indexOf("dense")).toBe(1);
    expect(order.indexOf("window:1024:sinks=4")).toBe(2);
    expect(order.indexOf("chunk:1024")).toBe(3);
  });

  it("changes its ranking with the study that it goes by", async () => {
    const changed = { ...STUDY, "top-k-blocks:64": { far: 0.1, needles: 0.2 } };
    const [before, after] = [await ask({ task: "retrieval" }, STUDY), await ask({ task: "retrieval" }, changed)];
    expect(before.choices[0]!.id).toBe("top-k-blocks:64");
    expect(after.choices[0]!.id).toBe("dense");
  });

  it("cites the cell that a statement comes from", async () => {
    const { choices } = await ask({ task: "retrieval" }, STUDY);
    const window = choices.find(({ id }) => id === "window:1024:sinks=4")!;
    const [needles] = window.accuracy;
    expect(needles).toMatchObject({
      source: "from study",
      metric: "needles",
      value: 0.1,
      dense: 1,
      cell: { file: "made.jsonl", variant: "window:1024:sinks=4", input: "text", length: 32_768 },
    });
    expect(needles!.text).toBe(
      "needles: 10% at 32768 tokens, dense attention 100% (made.jsonl: window:1024:sinks=4, text)",
    );
  });

  it("goes by the shortest cell that is as long as the request, else by the longest", async () => {
    const study = [4096, 16_384].map((length) =>
      madeStudy({ "window:4096": { needles: length === 4096 ? 1 : 0.3 } }, length),
    );
    const evidence = readEvidence(study.join(""), "made.jsonl");
    for (const [seqLen, length] of [
      [1000, 4096],
      [4096, 4096],
      [4097, 16_384],
      [2 ** 20, 16_384],
    ]) {
      const request = { ...REQUEST, seqLen: seqLen!, task: "retrieval", variants: ["window:4096"] } as const;
      const { choices } = await recommend(request, { machine: MACHINE, evidence });
      expect(choices[0]!.accuracy[0]!.cell!.length).toBe(length);
    }
  });

  it("ranks nothing unknown above anything that is known", async () => {
    for (const pretrained of ["softmax", "window", "none"] as const) {
      for (const task of ["local", "retrieval", "aggregation", "mixed"] as const) {
        const { choices } = await ask({ task, pretrained }, STUDY);
        const unknown = choices.map(({ accuracy }) => accuracy.every(({ source }) => source === "unknown"));
        expect(unknown).toEqual(unknown.toSorted((a, b) => Number(a) - Number(b)));
        expect(unknown.filter((each) => !each).length).toBeGreaterThanOrEqual(4);
      }
    }
    const { choices } = await ask({ task: "retrieval" });
    expect(choices[0]!.id).toBe("dense");
    expect(choices.every(({ accuracy }) => accuracy[0]!.source === "unknown")).toBe(true);
  });

  it("says why variants are out of the question", async () => {
    const { rejected, choices } = await ask({ memoryBytes: 60e6, phase: "decode", layers: 4 }, STUDY);
    const reasons = (id: string) => rejected.find((each) => each.id === id)?.reasons.join("; ");
    expect(reasons("dense")).toMatch(/^takes 136 MB, 60 MB are allowed$/);
    expect(reasons("rwkv7")).toBe("weights must be trained with it, yours were trained with softmax attention");
    expect(reasons("cumulative:0.95")).toContain("it has no decoder");
    expect(choices.map(({ id }) => id)).toContain("window:1024:sinks=4");
    expect(choices.every(({ memory }) => memory.totalBytes <= 60e6)).toBe(true);
    const slow = await ask({ latencyMs: 30, phase: "prefill" }, STUDY);
    expect(slow.rejected.find(({ id }) => id === "dense")!.reasons[0]).toMatch(/^the prompt takes \d+ ms, 30 ms are/);
    expect(slow.rejected.find(({ id }) => id === "page-select:2048")!.reasons[0]).toContain("made for steps");
    const trained = await ask({ pretrained: "linear" }, STUDY);
    expect(trained.rejected.find(({ id }) => id === "dense")!.reasons[0]).toContain("trained with linear attention");
    expect(trained.choices.every(({ family }) => family === "linear" || family === "chunked")).toBe(true);
    const both = await ask({ causal: false, phase: "prefill" }, STUDY);
    expect(both.choices.map(({ id }) => id)).toContain("dense:causal=no");
  });

  it("names the nearest where nothing meets a request", async () => {
    const { choices, nearest, rejected } = await ask(
      { phase: "decode", memoryBytes: 1e6, variants: ["dense", "window:1024"] },
      STUDY,
    );
    expect(choices).toEqual([]);
    expect(nearest!.id).toBe("window:1024");
    expect(nearest!.misses).toEqual([expect.stringMatching(/^takes [\d.]+ MB, 1 MB are allowed$/)]);
    expect(rejected.map(({ id }) => id)).toEqual(["dense", "window:1024"]);
  });

  it("plans models whose layers differ", async () => {
    const { modelPlans } = await ask({ layers: 24 }, STUDY);
    const by = Object.fromEntries(modelPlans.map((plan) => [plan.name, plan]));
    expect(by["local:global 5:1"]!.layers).toEqual([
      { id: "window:1024", count: 20 },
      { id: "dense", count: 4 },
    ]);
    const token = 4 * 2 * 2 * 64;
    expect(by["full"]!.cacheBytes).toBe(24 * 32_768 * token);
    expect(by["local:global 5:1"]!.cacheBytes).toBe((4 * 32_768 + 20 * 1024) * token);
    expect(by["local:global 3:1"]!.cacheBytes).toBe((6 * 32_768 + 18 * 8192) * token);
    expect(by["linear:full 3:1"]!.cacheShare).toBeLessThan(0.3);
    expect((await ask({}, STUDY)).modelPlans).toEqual([]);
  });

  it("is plain data", async () => {
    const answer = await ask({ layers: 2 }, STUDY);
    expect(JSON.parse(JSON.stringify(answer))).toEqual(JSON.parse(JSON.stringify(structuredClone(answer))));
    expect(answer.choices[0]!.install).toMatch(/^npm install @saccade\//);
  });

  it.each([
    [{ seqLen: 0 }, "recommend: seqLen is 0, expected an integer in 1..2^30"],
    [{ kvHeads: 3 }, "recommend: kvHeads is 3, which does not divide heads = 8"],
    [{ task: "guess" as "local" }, 'recommend: task is "guess", expected local, retrieval, aggregation, mixed'],
    [{ memoryBytes: -1 }, "recommend: memoryBytes is -1, expected a number above 0"],
    [{ causal: false }, 'recommend: phase is "both", but steps need causal attention'],
    [{ minMassRecall: 0.9 }, "recommend: minMassRecall is given, but no qkv to measure it on"],
    [{ variants: ["windw"] }, 'there is no variant "windw"; did you mean "window"?'],
  ])("refuses %j", async (wrong, message) => {
    await expect(ask(wrong)).rejects.toThrow(message);
  });
});

describe("recommend with queries, keys and values", () => {
  const sizes = { heads: 4, kvHeads: 2, tokens: 1024, headDim: 32 };
  /** Every query likes the keys of the 48 tokens before it: positions are written into both. */
  const near = () => {
    const { q, k, v } = tokensOf(sizes);
    for (const [view, factor] of [
      [q, 6],
      [k, 6],
    ] as const) {
      const data = view.data as Float32Array;
      for (let row = 0; row < data.length / 32; row++) {
        const angle = ((row % 1024) / 1024) * 40 * Math.PI;
        data[row * 32] = factor * Math.cos(angle);
        data[row * 32 + 1] = factor * Math.sin(angle);
      }
    }
    return { q, k, v };
  };
  const request = { seqLen: 1024, heads: 4, kvHeads: 2, headDim: 32, phase: "prefill" } as const;

  it("measures what a variant keeps, and rejects those that keep too little", { timeout: 120_000 }, async () => {
    const variants = [
      "dense",
      "window:512",
      "window:8",
      "top-k-blocks:32:k=8",
      "cumulative:0.95",
      "dilated-segments:256",
    ];
    const { choices, rejected } = await ask({ ...request, variants, qkv: near(), minMassRecall: 0.4 });
    expect(choices.map(({ id }) => id)).toContain("dense");
    const exact = choices.find(({ id }) => id === "dense")!;
    expect(exact.accuracy[0]).toMatchObject({ source: "measured", metric: "mass recall" });
    expect(exact.accuracy[0]!.value).toBeCloseTo(1, 5);
    expect(exact.accuracy[1]!.value).toBeLessThan(1e-5);
    const half = choices.find(({ id }) => id === "window:512")!;
    expect(half.accuracy[0]!.value).toBeGreaterThan(0.5);
    expect(half.accuracy[0]!.value).toBeLessThan(0.95);
    expect(rejected.find(({ id }) => id === "window:8")!.reasons[0]).toMatch(/^keeps .*% of dense attention's mass/);
    expect(rejected.find(({ id }) => id === "dilated-segments:256")!.reasons[0]).toContain("no softmax");
  });

  it("finds a pattern for every head, as code that perHead runs", async () => {
    const qkv = near();
    const { perHead } = await ask({ ...request, variants: ["dense"], qkv });
    expect(perHead!.patterns.length).toBe(4);
    expect(perHead!.keptMass).toBeGreaterThan(0);
    expect(perHead!.code).toContain('import { perHead } from "@saccade/block-sparse"');
    const { perHead: make } = await import("@saccade/block-sparse");
    const { out } = await make(perHead!.patterns).forward(qkv);
    expect(out.length).toBe(1024);
  });

  it("refuses queries of another number of heads", async () => {
    const q = tensor(new Float32Array(32), { shape: [1, 1, 1, 32] });
    await expect(ask({ ...request, qkv: { q, k: q, v: q } })).rejects.toThrow("qkv.q has 1 heads, expected heads = 4");
  });
});

describe("the evidence of the package", () => {
  it("is what recommend goes by, and cites", async () => {
    const local = await recommend({ ...REQUEST, task: "local" }, { machine: MACHINE });
    const [top] = local.choices;
    expect(top!.accuracy[0]).toMatchObject({
      source: "from study",
      cell: { file: "evidence/text.jsonl", length: 16_384 },
    });
    expect(top!.quality).toBeGreaterThanOrEqual(0.9);
    const retrieval = await recommend({ ...REQUEST, task: "retrieval" }, { machine: MACHINE });
    const windows = retrieval.choices.filter(({ family }) => family === "sliding-window");
    expect(windows.length).toBeGreaterThan(2);
    for (const { quality } of windows) expect(quality).toBeLessThan(0.5);
    const known = retrieval.choices.filter(({ quality }) => quality !== undefined);
    expect(known.length).toBeGreaterThan(12);
    expect(retrieval.choices.slice(0, known.length)).toEqual(known);
  });
});

describe("readEvidence", () => {
  it("reads the scores of measured cells, and nothing of others", () => {
    const cells = readEvidence(madeStudy({ dense: { needles: 0.5 }, "of the future:1": {} }), "made.jsonl");
    expect(cells).toEqual([
      {
        ...{ file: "made.jsonl", variant: "dense", input: "text", length: 32_768 },
        scores: { "near retrieval": 1, "far retrieval": 1, needles: 0.5, tasks: 1, cosine: 1 },
      },
    ]);
  });

  it("says where a file is no JSON lines", () => {
    expect(() => readEvidence('{"record":"study"}\n{"rec', "cells.jsonl")).toThrow(/^cells\.jsonl, line 2: /);
  });
});
