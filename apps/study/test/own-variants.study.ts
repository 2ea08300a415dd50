// A study with variants of its own: what goes wrong in a cell, one way each.
import type { Candidate } from "@saccade/advisor";
import { defineStudy, type StudyFile } from "../src/index.ts";
import { variantNamed } from "../src/variants/variants.ts";

const dense = variantNamed("dense", new Map());

function own(id: string, forward: Candidate["forward"]): Candidate {
  return { ...dense, id, description: `dense, but ${id}`, forward };
}

const held: Uint8Array[] = [];

const study: StudyFile = defineStudy({
  name: "own",
  variants: [
    own("hoards", async () => {
      for (;;) {
        held.push(new Uint8Array(2 ** 24).fill(1));
        await new Promise(setImmediate);
      }
    }),
    own("hangs", () => {
      for (;;);
    }),
    own("crashes", () => process.abort()),
    own("throws", () => Promise.reject(new Error("no keys today"))),
    "dense",
  ],
  lengths: [64, 128],
  inputs: { noise: { kind: "gaussian", heads: 1, kvHeads: 1, headDim: 16 } },
  measure: {
    timeSeconds: 0.01,
    decodeSteps: 2,
    sampledRows: 0,
    needleDepths: [],
    tasks: [],
    cellSeconds: 10,
    cellBytes: 2e8,
  },
});

export default study;
