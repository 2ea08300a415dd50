import { availableParallelism, loadavg } from "node:os";
import { calibrate, fastest, predictPrefill, type Calibration } from "@saccade/advisor";
import { openRuntime, tensor, type Tensor } from "@saccade/core";
import { compareDecoding } from "./cost-model/decode-steps.ts";
import { heldGrid, type HeldCall } from "./cost-model/held-grid.ts";
import { orderShare, relativeError, type Compared } from "./cost-model/compare.ts";
import { median } from "./measure/statistics.ts";

/** Predicted times beside measured ones: `pnpm bench:cost-model [lengths]`, lengths as 2048,8192. */
const lengths = (process.argv[2] ?? "3000,8192").split(",").map(Number);
const threadCounts = [...new Set([1, availableParallelism()])];

const start = performance.now();
const machine = await calibrate({ cache: false });
console.log(
  `${machine.cpu}, ${machine.runtime} (${machine.instructionSet}), ${machine.threads} threads, ` +
    `load ${loadavg()[0]?.toFixed(1)}; measured in ${((performance.now() - start) / 1e3).toFixed(1)} s`,
);
for (const threads of threadCounts) await comparePrefill(machine, threads);
await compareDecoding(machine);

async function comparePrefill(calibration: Calibration, threads: number): Promise<void> {
  console.log(`\nprefill, ${threads} threads${threads === 1 ? "" : " (wall time)"}`);
  await using runtime = await openRuntime("auto", { threads });
  const compared: (Compared & { readonly group: string })[] = [];
  for (const { candidate, shape } of heldGrid(threads, lengths)) {
    const { ms: predicted } = predictPrefill(candidate, { ...shape, runtime }, calibration);
    const tokens = tokensFor(shape);
    const run = () => candidate.forward(tokens, { runtime, threads });
    const measured = await fastest(run, { threads, calls: 4, enough: 250 });
    const group = `${shape.queries} tokens, ${shape.heads} heads on ${shape.kvHeads}, D ${shape.headDim}`;
    compared.push({ predicted, measured, group });
    const error = `${(100 * (predicted / measured - 1)).toFixed(0)}%`.padStart(6);
    console.log(`${error}  ${predicted.toFixed(2)} for ${measured.toFixed(2)} ms  ${candidate.id}, ${group}`);
  }
  console.log(summary(compared));
}

function summary(compared: readonly (Compared & { readonly group: string })[]): string {
  const groups = Map.groupBy(compared, ({ group }) => group);
  let [right, pairs] = [0, 0];
  for (const each of groups.values()) {
    const order = orderShare(each);
    right += order.share * order.pairs;
    pairs += order.pairs;
  }
  const error = median(compared.map(relativeError));
  return (
    `median error ${(100 * error).toFixed(0)}% of ${compared.length} (bar: 25%); ` +
    `order right in ${((100 * right) / pairs).toFixed(1)}% of ${pairs} pairs of variants that differ by > 30% (bar: 90%)`
  );
}

function tokensFor({ heads, kvHeads, queries, headDim }: HeldCall["shape"]): Readonly<Record<"q" | "k" | "v", Tensor>> {
  const rows = (count: number, seed: number): Tensor => {
    let state = seed;
    const numbers = new Float32Array(count * queries * headDim);
    for (let i = 0; i < numbers.length; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      numbers[i] = (state / 2 ** 32 - 0.5) * 3.46;
    }
    return tensor(numbers, { shape: [1, count, queries, headDim] });
  };
  return { q: rows(heads, 1), k: rows(kvHeads, 2), v: rows(kvHeads, 3) };
}
