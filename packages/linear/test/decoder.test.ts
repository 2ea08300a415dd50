import type { Tensor } from "@saccade/core";
import { describe, expect, test } from "vitest";
import { cosFormer, eluPlusOne, favorPlus, gated, identity, linear, scalarGated, taylor } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { channelDecay, flattened, inputsOf, tokensOf, type Sizes } from "./call-inputs.ts";

const runtimes = await availableRuntimes();
const sizes: Sizes = { batch: 1, heads: 2, kvHeads: 1, valueHeads: 1, tokens: 40, headDim: 8, valueDim: 6 };
const call = inputsOf(sizes, { decay: channelDecay }, {});

describe.each(runtimes)("a decoder on $label", ({ runtime }) => {
  test("that is cancelled is as it was", async () => {
    const long: Sizes = { ...sizes, tokens: 60_000, heads: 2, headDim: 32, valueDim: 32 };
    const attend = linear({ map: taylor() });
    const prompt = inputsOf({ ...long, tokens: 50 }, {}, {});
    await using decoder = attend.decoder({ ...long, runtime, rewindable: 4 });
    await decoder.append(tokensOf(prompt, 0, 49));
    const before = decoder.serialize();
    const controller = new AbortController();
    // One token again and again.
    const repeated = (view: Tensor): Tensor => ({ ...view, length: 60_000, strides: { ...view.strides, n: 0 } });
    const { q, k, v } = prompt;
    const appending = decoder.append({ q: repeated(q), k: repeated(k), v: repeated(v) }, { signal: controller.signal });
    expect(() => decoder.serialize()).toThrow("another append is still running");
    setTimeout(() => controller.abort(new Error("enough")), 20);
    await expect(appending).rejects.toThrow("enough");
    expect(decoder.length).toBe(49);
    expect(decoder.serialize()).toEqual(before);
    decoder.rewind(4);
    expect(flattened(decoder.appendSync(tokensOf(prompt, 45, 50)).out).every((x) => Number.isFinite(x))).toBe(true);
  });

  test("that restores an older point rewinds up to it", () => {
    const decoder = gated().decoder({ ...sizes, runtime, rewindable: 10 });
    decoder.appendSync(tokensOf(call, 0, 12));
    const checkpoint = decoder.checkpoint();
    decoder.appendSync(tokensOf(call, 12, 20));
    decoder.restore(checkpoint);
    expect(decoder.length).toBe(12);
    expect(() => decoder.rewind(1)).toThrow("gated.decoder.rewind: asked for 1 tokens, expected an integer in 0..0");
    decoder.appendSync(tokensOf(call, 12, 15));
    decoder.rewind(3);
    expect(decoder.serialize()).toEqual(decoder.state().serialize());
    expect(decoder.length).toBe(12);
  });
});

test("a decoder refuses what does not fit", async () => {
  const decoder = gated().decoder({ ...sizes, capacity: 20 });
  expect(() => decoder.appendSync(call)).toThrow("gated.decoder.appendSync: full: capacity 20, asked for 40");
  const other = inputsOf({ ...sizes, headDim: 9 }, { decay: channelDecay }, {});
  expect(() => decoder.appendSync(tokensOf(other, 0, 2))).toThrow("headDim is 9, the decoder was made for 8");
  expect(() => decoder.restore(new Uint8Array(4))).toThrow("expected what serialize() wrote, got 4 other bytes");
  expect(() => decoder.restore({ length: 0 })).toThrow("the checkpoint is not one of this decoder");
  expect(() => decoder.restore(scalarGated().state(sizes).serialize())).toThrow(
    "the state is one of scalarGated, expected one of gated",
  );
  expect(() =>
    decoder.restore(
      gated()
        .state({ ...sizes, valueDim: 7 })
        .serialize(),
    ),
  ).toThrow("the state has valueDim 7, expected 6");
  expect(() => decoder.restore(gated().state(sizes).serialize().subarray(0, 90))).toThrow("bytes, expected");
  expect(() => decoder.rewind(1)).toThrow("asked for 1 tokens, expected an integer in 0..0");
  const map = cosFormer({ maximum: 16 });
  expect(() => linear({ map }).decoder({ ...sizes, capacity: 17 })).toThrow("capacity is 17, expected at most 16");
  expect(linear({ map }).decoder(sizes).capacity).toBe(16);
  await decoder[Symbol.asyncDispose]();
  expect(() => decoder.checkpoint()).toThrow("the decoder is disposed");
});

test("states are plain values", () => {
  const attend = linear({ map: identity() });
  const state = attend.state({ heads: 2, headDim: 4 });
  expect(state.parts).toEqual(["memory"]);
  expect(state.bytes).toBe(4 * (2 * 4 * 4 + 1));
  state.part("memory").fill(2);
  const copy = state.copy();
  copy.part("memory").fill(3);
  expect(state.part("memory")[0]).toBe(2);
  expect(() => state.part("other")).toThrow('LinearState.part: name is "other", expected one of memory');
  const bytes = attend.deserialize(state.serialize());
  expect(bytes.part("memory")).toEqual(state.part("memory"));
  expect(() => linear({ map: eluPlusOne() }).deserialize(state.serialize())).toThrow(
    "the state is one of linear identity",
  );
});

test("a call leaves the state that it was given", () => {
  const attend = gated();
  const { state } = attend.forwardSync(tokensOf(call, 0, 20), { state: true });
  const before = state.serialize();
  attend.forwardSync({ ...tokensOf(call, 20, 40), state }, { state: true });
  expect(state.serialize()).toEqual(before);
});

test.each(runtimes)("a long call leaves turns to the event loop, on $label", async ({ runtime }) => {
  const long: Sizes = { ...sizes, tokens: 3000, headDim: 32, valueDim: 32 };
  const few = inputsOf({ ...long, tokens: 3 }, {}, {});
  const repeated = (view: Tensor): Tensor => ({ ...view, length: 3000, strides: { ...view.strides, n: 0 } });
  let [turns, last, longest] = [0, performance.now(), 0];
  const timer = setInterval(() => {
    const now = performance.now();
    [turns, last, longest] = [turns + 1, now, Math.max(longest, now - last)];
  }, 1);
  const started = performance.now();
  await linear({ map: favorPlus({ features: 300 }) }).forward(
    { q: repeated(few.q), k: repeated(few.k), v: repeated(few.v) },
    { runtime },
  );
  const took = performance.now() - started;
  clearInterval(timer);
  // 16 ms is the promise; other processes may hold this one up.
  expect(longest).toBeLessThan(150);
  expect(turns).toBeGreaterThan(took / 150);
});
