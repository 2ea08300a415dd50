import { construct } from "../construction.ts";
import type { Entry } from "../entry.ts";

const CHUNKED = { family: "chunked", packageName: "@saccade/chunked", exact: false, selection: "static" } as const;

export const CHUNK_ENTRIES: readonly Entry[] = [
  {
    ...CHUNKED,
    name: "chunk",
    description: "causal attention inside chunks, which do not see each other",
    main: "chunk",
    options: {
      chunk: { description: "positions of a chunk", default: 4096, least: 1 },
      shift: { description: "positions by which chunks begin earlier", default: 0 },
    },
    ...{ needsTraining: false, kind: "softmax" },
    settings: (given) =>
      `chunks of ${given.number("chunk")}${given.number("shift") > 0 ? `, shifted by ${given.number("shift")}` : ""}`,
    construction: (given) =>
      construct("chunkLocal", {
        chunk: given.number("chunk"),
        ...(given.number("shift") > 0 && { shift: given.number("shift") }),
      }),
  },
  {
    ...CHUNKED,
    name: "segment-recurrence",
    description: "causal attention inside a segment and to the keys right before it (Transformer-XL)",
    main: "segment",
    options: {
      segment: { description: "positions of a segment", default: 1024, least: 1 },
      memory: { description: "keys before the segment that stay visible", default: 1024 },
    },
    ...{ needsTraining: false, kind: "softmax" },
    settings: (given) => `segments of ${given.number("segment")}, memory of ${given.number("memory")}`,
    construction: (given) =>
      construct("segmentRecurrence", { segment: given.number("segment"), memory: given.number("memory") }),
  },
  {
    ...CHUNKED,
    name: "dual-chunk",
    description: "dense attention whose rotations never see a distance beyond the chunk (DCA); q and k come unturned",
    main: "chunk",
    options: {
      chunk: { description: "largest distance that scores see", default: 4096, least: 2 },
      local: { description: "distances that stay true across a border", default: 512 },
      base: { description: "base of the rotary positions", default: 10_000, least: 1 },
    },
    // It turns queries and keys: beside attention that does not, the distance says nothing about quality.
    ...{ needsTraining: true, kind: "mixture" },
    settings: (given) => `chunk ${given.number("chunk")}, local ${given.number("local")}`,
    construction: (given) =>
      construct("dualChunk", {
        chunk: given.number("chunk"),
        local: given.number("local"),
        rotary: construct("rope", {
          dim: { text: "headDim", of: ({ headDim }) => headDim },
          ...(given.number("base") !== 10_000 && { base: given.number("base") }),
        }),
      }),
  },
  {
    ...CHUNKED,
    name: "dilated-segments",
    description: "branches of segments, each twice as long as the one before and twice as thin (LongNet)",
    main: "segment",
    options: {
      segment: { description: "positions of the shortest segment", default: 2048, least: 1 },
      branches: { description: "lengths of segments", default: 3, least: 1, most: 12 },
    },
    ...{ needsTraining: false, kind: "mixture" },
    settings: (given) => `segments from ${given.number("segment")}, ${given.number("branches")} branches`,
    construction: (given) => {
      const powers = Array.from({ length: given.number("branches") }, (_, i) => 2 ** i);
      return construct("dilatedSegments", {
        segments: powers.map((power) => given.number("segment") * power),
        dilations: powers,
      });
    },
  },
  {
    ...CHUNKED,
    name: "compressive-memory",
    description: "causal attention inside a segment beside a linear memory of all before (Infini-attention)",
    main: "segment",
    options: {
      segment: { description: "tokens of a segment", default: 2048, least: 1 },
      update: { description: "what a segment writes", default: "linear", words: ["linear", "delta"] },
    },
    ...{ needsTraining: true, kind: "recurrence" },
    settings: (given) =>
      `segments of ${given.number("segment")}${given.word("update") === "delta" ? ", delta rule" : ""}`,
    construction: (given) =>
      construct("compressiveMemory", {
        segment: given.number("segment"),
        ...(given.word("update") === "delta" && { update: "delta" }),
      }),
  },
];
