import { tensor, type Runtime, type SampleOptions, type SelectedAttention, type SelectedMass } from "@saccade/core";
import { describe, expect, test } from "vitest";
import {
  cumulative,
  indexTopK,
  nativeSparse,
  oracleBlocks,
  pageSelect,
  topKBlocks,
  type IndexInputs,
  type NativeSparseInputs,
} from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { difference, inputs } from "./call-inputs.ts";
import { explicitAttention } from "./explicit-attention.ts";
import { normal, uniform } from "./normal.ts";
import { randomSelection } from "./random-selection.ts";
import { offsetOf, selects } from "./selected-checks.ts";

const runtimes = await availableRuntimes();

describe.each(runtimes)("the selected mass on $label", ({ runtime }) => {
  test("is the share of dense softmax weights on the selected pairs, of all queries or of some", async () => {
    const call = { ...inputs({ batch: 2, queries: 90, keys: 100 }), keyLengths: [100, 61] };
    const attend = topKBlocks({ blockSize: 8, topK: 3 });
    const selection = await attend.select(call, { runtime });
    const causal = explicitAttention(call, (p, j) => j <= p);
    const kept = explicitAttention(call, (p, j, h, b) => j <= p && selects(selection, b, h, p - offsetOf(call, b), j));
    const shares = kept.lse.map((lse, row) => (lse === -Infinity ? 1 : Math.exp(lse - causal.lse[row]!)));
    const all = await attend.forward(call, { runtime, selectedMass: { samples: 90 } });
    expect(difference(all.selectedMass.shares, shares)).toBeLessThan(1e-5);
    expect(all.selectedMass.mean).toBeCloseTo(shares.reduce((sum, each) => sum + each, 0) / shares.length, 6);
    const some = attend.forwardSync(call, { runtime, selectedMass: { samples: 20, seed: 3 } }).selectedMass;
    expect(some.queries.length).toBe(20);
    expect(new Set(some.queries).size).toBe(20);
    const sampled = Array.from({ length: 8 }, (_, head) => [...some.queries].map((i) => shares[head * 90 + i]!)).flat();
    expect(difference(some.shares, sampled)).toBeLessThan(1e-5);
    expect(
      (await attend.forward(call, { runtime, selectedMass: { samples: 20, seed: 4 } })).selectedMass.queries,
    ).not.toEqual(some.queries);
  });

  test("leaves learned sinks out, whose weight belongs to no key, and counts documents alone", async () => {
    const call = inputs({ queries: 90 });
    const options = { blockSize: 8, topK: 2, documents: [30, 60] };
    const plain = await topKBlocks(options).forward(call, { runtime, selectedMass: true });
    const learnedSinks = [1, -2, 0, 3];
    const sunk = await topKBlocks({ ...options, learnedSinks }).forward(call, { runtime, selectedMass: true });
    expect(difference(sunk.selectedMass.shares, plain.selectedMass.shares)).toBeLessThan(1e-4);
    expect(plain.selectedMass.shares.some((share) => share < 0.9)).toBe(true);
    expect(plain.lse).toBeUndefined();
  });

  test("in a decoder is that of the step", async () => {
    const call = inputs({ queries: 60 });
    const attend = topKBlocks({ blockSize: 8, topK: 2 });
    const whole = await attend.forward(call, { runtime, selectedMass: { samples: 60 } });
    await using decoder = attend.decoder({ heads: 4, kvHeads: 2, headDim: 16, valueDim: 8, capacity: 60, runtime });
    const { selectedMass, selected } = await decoder.append(call, { selectedMass: { samples: 60 } });
    expect(difference(selectedMass.shares, whole.selectedMass.shares)).toBeLessThan(1e-5);
    expect(selected).toEqual(whole.selected);
  });

  test("of every selector is at least that of random blocks, and at most the oracle's, at the same budget", async () => {
    const call = topics();
    const compression = { length: 8, stride: 4 };
    const rivals: { attend: Rival; blockSize: number }[] = [
      { attend: topKBlocks({ blockSize: 16, topK: 5 }), blockSize: 16 },
      { attend: pageSelect({ pageSize: 8, budget: 80 }), blockSize: 8 },
      { attend: pageSelect({ pageSize: 8, budget: 80, perQueryHead: true }), blockSize: 8 },
      { attend: nativeSparse({ compression, blockSize: 16, selected: 6 }), blockSize: 16 },
      { attend: cumulative({ tau: 0.7, blockSize: 16, queryBlock: 16, similarity: -1 }), blockSize: 16 },
      { attend: indexTopK({ topK: 64, indexDim: 16 }), blockSize: 1 },
    ];
    for (const { attend, blockSize } of rivals) {
      const mass = await massOf(attend, call);
      const { least, most } = await budgetOf(attend, call);
      const random = await massOf(randomSelection(blockSize, least), call);
      const oracle = await massOf(oracleBlocks({ blockSize, topK: most }), call);
      console.log(`${attend.name}: ${mass.toFixed(3)}, random ${random.toFixed(3)}, oracle ${oracle.toFixed(3)}`);
      expect(mass).toBeGreaterThan(random + 0.05);
      expect(mass).toBeLessThanOrEqual(oracle + 1e-6);
    }
  });

  async function massOf(attend: Rival, call: Topics): Promise<number> {
    return (await attend.forward(call, { runtime, selectedMass: { samples: call.q.length } })).selectedMass.mean;
  }

  /** The mean and the largest number of blocks that a query selects. */
  async function budgetOf(attend: Rival, call: Topics) {
    const [{ blocks }] = (await attend.select(call, { runtime })) as [
      Awaited<ReturnType<typeof attend.select>>[number],
    ];
    let [most, sum, lists] = [0, 0, 0];
    for (let h = 0; h < call.q.heads; h++) {
      const { starts } = blocks.listOf(0, h);
      for (let list = 0; list + 1 < starts.length; list++, lists++) {
        const count = starts[list + 1]! - starts[list]!;
        most = Math.max(most, count);
        sum += count;
      }
    }
    return { least: Math.floor(sum / lists), most };
  }
});

type Topics = IndexInputs & NativeSparseInputs;

/** What selectors have in common. */
interface Rival extends Pick<SelectedAttention<Topics>, "name" | "select"> {
  forward(
    inputs: Topics,
    options: { readonly runtime: Runtime; readonly selectedMass: SampleOptions },
  ): Promise<{ readonly selectedMass: SelectedMass }>;
}

/** Blocks of 16 keys about a topic each; queries ask for topics of earlier blocks. The indexer sees the same of one head. */
function topics(): Topics {
  const [N, D, C] = [512, 16, 16];
  const topic = normal((N / C) * D, 5);
  const next = uniform(6);
  const asked = Array.from({ length: N }, (_, i) => Math.floor(next() * (Math.floor(i / C) + 1)));
  const about = (noise: Float32Array, of: (n: number) => number, factor: number): Float32Array =>
    noise.map((x, at) => x + factor * topic[of(Math.floor(at / D) % N) * D + (at % D)]!);
  const q = about(normal(2 * N * D, 7), (i) => asked[i]!, 1.5);
  const k = about(normal(N * D, 8), (n) => Math.floor(n / C), 1.5);
  return {
    q: tensor(q, { shape: [1, 2, N, D] }),
    k: tensor(k, { shape: [1, 1, N, D] }),
    v: tensor(normal(N * D, 9), { shape: [1, 1, N, D] }),
    indexQueries: tensor(q, { shape: [1, 2, N, D] }),
    indexKeys: tensor(k, { shape: [1, 1, N, D] }),
    gates: tensor(new Float32Array(6 * N).fill(0.5), { shape: [1, 2, N, 3] }),
    indexWeights: tensor(new Float32Array(2 * N).fill(1), { shape: [1, 2, N, 1] }),
  };
}
