import { floatsOf } from "@saccade/core/variants";
import { candidate, VARIANTS } from "@saccade/advisor";
import { describe, expect, test } from "vitest";
import { gaussianInput } from "../input/gaussian-input.ts";
import { rowsStandAlone } from "./rows-stand-alone.ts";

const length = 700;
const slice = gaussianInput({ kind: "gaussian", heads: 4, kvHeads: 2, headDim: 64, seed: 2 }).slice(length, {
  first: 0,
  count: 2,
});

/** Settings by which something is hidden at 700 tokens. */
const ALONE = [
  "dense",
  "window:64:sinks=2",
  "window:16:dilation=3",
  "chunk:128:shift=5",
  "segment-recurrence:64:memory=50",
  "dual-chunk:256:local=64",
  "dilated-segments:64:branches=2",
  "big-bird:32",
  "longformer:32:global=3",
  "strided:16",
  "fixed:16",
  "a-shape:60:sinks=4",
  "top-k-blocks:32:k=4",
  "native-sparse:32:selected=4:window=64:length=16:stride=8",
  "page-select:128:page=16",
  "oracle-blocks:32:k=4",
  "index-top-k:50",
];
const TOGETHER = [
  ...["compressive-memory:128", "cumulative", "vertical-slash:50:slashes=10"],
  ...["linear", "favor-plus", "cos-former", "hedgehog", "lolcats", "retention", "lightning", "gated", "scalar-gated"],
  ...["state-space", "delta-net", "gated-delta-net", "kimi-delta", "rwkv7", "log-linear"],
];

describe("rows of a variant", () => {
  test("are known to stand alone or not for everything in the catalogue", () => {
    const named = [...ALONE, ...TOGETHER].map((id) => candidate(id).spec.variant);
    expect([...new Set(named)].toSorted()).toEqual(VARIANTS.map(({ name }) => name).toSorted());
  });

  test.each(ALONE)("of %s come out of a call of their own", async (id) => {
    const variant = candidate(id);
    expect(rowsStandAlone(variant)).toBe(true);
    const { out: all } = await variant.forward(slice);
    for (const position of [0, 31, 32, 300, 699]) {
      const { q, k, v } = slice;
      const keys = { length: position + 1 };
      const query = { ...q, offset: q.offset + position * q.strides.n, length: 1 };
      const { out } = await variant.forward({ q: query, k: { ...k, ...keys }, v: { ...v, ...keys } });
      for (let h = 0; h < 4; h++) {
        for (let e = 0; e < 64; e++) {
          const [own, expected] = [floatsOf(out)[h * 64 + e]!, floatsOf(all)[(h * length + position) * 64 + e]!];
          expect(Math.abs(own - expected), `position ${position}, head ${h}`).toBeLessThan(1e-5);
        }
      }
    }
  });

  test.each(TOGETHER)("of %s do not stand alone", (id) => {
    expect(rowsStandAlone(candidate(id))).toBe(false);
  });
});
