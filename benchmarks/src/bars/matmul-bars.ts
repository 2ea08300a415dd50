import { setTimeout } from "node:timers/promises";
import { matmulSync, openRuntime, packWeightsSync } from "@saccade/core";
import { gaussianLike } from "../measure/inputs.ts";
import { median, medianRatio, ratioRange } from "../measure/statistics.ts";
import { loadPeer } from "../peers/load-peer.ts";
import { encodeModel } from "../peers/onnx-model.ts";
import { short } from "../report.ts";
import type { Ort } from "../systems/onnxruntime.ts";
import { atLeast, type Bar, type Measured } from "./bar.ts";

const [N, I, O] = [4096, 1024, 1024];
const ROUNDS = 11;
/** Calls of a turn. */
const CALLS = 4;
/** Before a turn: threads of the other side spin for a while when they have nothing to do. */
const PAUSE_MS = 30;

/** Matrix products. */
export const matmulBars: readonly Bar[] = [1, 2].map((threads) =>
  atLeast(
    0.9,
    `matmul-native-${threads}t-n${N}`,
    `over onnxruntime-node MatMul, ${N} x ${I} x ${O}, weights packed by both, ${threads} thread${threads > 1 ? "s" : ""}`,
    () => overMatMul(threads),
  ),
);

/** The same product by both, turn by turn after a round of each. Both write to memory that they have written before. */
async function overMatMul(threads: number): Promise<Measured> {
  const ort = await loadPeer<Ort>("onnxruntime-node");
  await using runtime = await openRuntime("native", { threads });
  const x = gaussianLike(N * I, 0x51ed);
  const rows = gaussianLike(O * I, 0xc2b2);
  const columns = Float32Array.from({ length: I * O }, (_, i) => rows[(i % O) * I + Math.floor(i / O)]!);
  const session = await ort.InferenceSession.create(
    encodeModel({
      operator: "MatMul",
      domain: "",
      inputs: [
        { name: "x", type: "float32", shape: [N, I] },
        { name: "w", shape: [I, O], data: columns },
      ],
      outputs: [{ name: "out", type: "float32", shape: [N, O] }],
      integers: {},
    }),
    { logSeverityLevel: 3, executionProviders: ["cpu"], intraOpNumThreads: threads, interOpNumThreads: 1 },
  );
  const feeds = { x: new ort.Tensor("float32", x, [N, I]) };
  const fetches = { out: new ort.Tensor("float32", new Float32Array(N * O), [N, O]) };
  const weights = packWeightsSync({ data: rows, outputs: O, inputs: I }, { runtime });
  const out = new Float32Array(N * O);
  const turn = async (call: () => unknown): Promise<number> => {
    await setTimeout(PAUSE_MS);
    const start = performance.now();
    for (let i = 0; i < CALLS; i++) await call();
    return (performance.now() - start) / CALLS;
  };
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = -1; round < ROUNDS; round++) {
    const mine = await turn(() => matmulSync(x, weights, { runtime, threads, out }));
    const other = await turn(() => session.run(feeds, fetches));
    if (round < 0) continue;
    ours.push(mine);
    theirs.push(other);
  }
  const off = out.reduce((most, value, i) => Math.max(most, Math.abs(value - fetches.out.data[i]!)), 0);
  if (!(off < 1e-2)) return { value: NaN, detail: `the two differ by ${off}` };
  const range = ratioRange(theirs, ours);
  const rate = (times: number[]): string =>
    `${short(median(times))} ms ${short((2 * N * I * O) / median(times) / 1e6)} GFLOP/s`;
  return {
    value: medianRatio(theirs, ours),
    detail: `${rate(ours)}, ${rate(theirs)}, single rounds ${short(range.min)} to ${short(range.max)}, off by ${off.toExponential(1)}`,
  };
}
