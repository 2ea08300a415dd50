import { dense, type TokenMixer } from "@saccade/core";
import { expect, test } from "vitest";
import { eluPlusOne, gated, gatedDeltaNet, linear, lolcats } from "../src/index.ts";
import { beta, difference, flattened, inputsOf, scalarDecay, tokensOf, type Sizes } from "./call-inputs.ts";

const sizes: Sizes = { batch: 1, heads: 4, kvHeads: 2, valueHeads: 2, tokens: 20, headDim: 8, valueDim: 6 };
const call = inputsOf(sizes, { decay: scalarDecay, beta }, {});

/** A layer that computes both gates. */
async function layer(attend: TokenMixer<"decay" | "beta">): Promise<number> {
  const { out } = await attend.forward(call);
  await using decoder = attend.decoder({ ...sizes, capacity: 20, rewindable: 2 });
  await decoder.append(tokensOf(call, 0, 12));
  decoder.appendSync(tokensOf(call, 12, 15));
  decoder.rewind(2);
  const { out: last } = decoder.appendSync(tokensOf(call, 13, 20));
  const [all, rows] = [flattened(out), flattened(last)];
  const want = rows.map((_, i) => all[(Math.floor(i / 42) * 20 + 13) * 6 + (i % 42)]!);
  return difference(rows, want);
}

test("softmax and linear attention take each other's place in a layer", async () => {
  for (const attend of [
    dense({ causal: true }),
    linear({ map: eluPlusOne() }),
    lolcats({ window: 4, map: eluPlusOne() }),
  ]) {
    expect(await layer(attend)).toBeLessThan(1e-5);
  }
  expect(await layer(gatedDeltaNet({ normaliseKeys: true }))).toBeLessThan(1e-5);
});

test("a variant that reads a gate needs a layer that computes it", () => {
  // @ts-expect-error: nothing computes `decay`
  const attend: TokenMixer = gated();
  expect(attend.name).toBe("gated");
});
