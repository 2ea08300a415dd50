import { candidate, predictDecode, type Calibration } from "@saccade/advisor";
import { openRuntime, tensor, type Tensor } from "@saccade/core";
import { median } from "../measure/statistics.ts";
import { orderShare, relativeError, type Compared } from "./compare.ts";

const VARIANTS = ["dense", "window:1024:sinks=4", "chunk:2048", "top-k-blocks:64:k=8", "page-select:1024"];
const RECURRENCES = ["retention", "gated", "gated-delta-net", "rwkv7", "lolcats:64"];
const [HEADS, KV_HEADS, WIDTH, STEPS] = [8, 4, 64, 12] as const;

/** Steps of decoders with a long text behind them, predicted and measured on one thread. */
export async function compareDecoding(machine: Calibration): Promise<void> {
  console.log("\ndecode steps, 1 thread");
  await using runtime = await openRuntime("auto", { threads: 1 });
  const compared: Compared[] = [];
  for (const length of [9216, 70_656]) {
    for (const id of [...VARIANTS, ...RECURRENCES]) {
      const each = candidate(id);
      const shape = { heads: HEADS, kvHeads: KV_HEADS, queries: length, headDim: WIDTH, threads: 1, runtime };
      const { ms: predicted } = predictDecode(each, shape, machine);
      const capacity = length + 2 * STEPS;
      await using decoder = each.decoder({ heads: HEADS, kvHeads: KV_HEADS, headDim: WIDTH, capacity, runtime });
      // In the middle of a chunk, and in pieces whose pairs are few.
      const piece = tokensOf(RECURRENCES.includes(id) ? 1024 : 512);
      for (let at = 0; at < length; at += piece.q.length) await decoder.append(piece);
      const step = tokensOf(1);
      let measured = Infinity;
      for (let i = 0; i < STEPS; i++) {
        const start = performance.now();
        decoder.appendSync(step);
        measured = Math.min(measured, performance.now() - start);
      }
      compared.push({ predicted, measured });
      const error = `${(100 * (predicted / measured - 1)).toFixed(0)}%`.padStart(6);
      console.log(`${error}  ${predicted.toFixed(3)} for ${measured.toFixed(3)} ms  ${id}, ${length} tokens`);
    }
  }
  const error = median(compared.map(relativeError));
  const order = orderShare(compared);
  console.log(
    `median error ${(100 * error).toFixed(0)}% of ${compared.length}; ` +
      `order right in ${(100 * order.share).toFixed(1)}% of ${order.pairs} pairs`,
  );
}

function tokensOf(length: number): Readonly<Record<"q" | "k" | "v", Tensor>> {
  const rows = (count: number, seed: number): Tensor => {
    let state = seed;
    const numbers = Float32Array.from({ length: count * length * WIDTH }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state / 2 ** 32 - 0.5) * 3.46;
    });
    return tensor(numbers, { shape: [1, count, length, WIDTH] });
  };
  return { q: rows(HEADS, 1), k: rows(KV_HEADS, 2), v: rows(KV_HEADS, 3) };
}
