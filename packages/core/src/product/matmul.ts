import { runPairs, runPairsSync, type PairScoreInputs, type PairScores } from "../pair-scores.ts";
import { threadsOf } from "../run-job.ts";
import type { ProductJob, RunInfo, Runtime } from "../runtime/runtime.ts";
import { readyRuntime, sharedRuntime, sharedRuntimeSync, withReasons, type RuntimeChoice } from "../runtime/select.ts";
import { describe, tensor } from "../tensor.ts";
import {
  checkWeights,
  isPacked,
  packedFloats,
  ROWS,
  weightRows,
  type PackedWeights,
  type WeightMatrix,
  type Weights,
} from "./weights.ts";

export interface SyncPackOptions {
  /** The runtime that products will run on. Default "auto": native where it loads, else wasm. */
  readonly runtime?: RuntimeChoice | undefined;
  /** At most. Default: all of the runtime. */
  readonly threads?: number | undefined;
}

export interface PackOptions extends SyncPackOptions {
  /** Cancels: the call rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

export interface SyncMatmulOptions extends SyncPackOptions {
  /** [O], added to every row. */
  readonly bias?: Float32Array | undefined;
  /** Write into this array, [N, O]; it must not be one of the inputs. Default: a new one. */
  readonly out?: Float32Array | undefined;
}

export interface MatmulOptions extends SyncMatmulOptions, PackOptions {}

export interface MatmulResult extends RunInfo {
  /** [N, O], or the array given as `out`. */
  readonly out: Float32Array;
}

/** Operations up to which a product is computed before the promise is returned, as attention is. */
const INLINE_WORK = 64e6;
/** Weights up to which they are packed so. */
const INLINE_PACK = 1 << 20;

/**
 * A linear layer: out[n][o] = sum_i x[n][i] w[o][i] + bias[o], in f32.
 *
 * A row's bits depend on nothing but the row, the weights and the instruction set: neither on other rows nor on threads. Weights that are
 * used again are worth packing once (`packWeights`).
 *
 * @param x [N, I], rows one after the other; N is what its length says.
 * @throws TypeError and RangeError (as a rejection) for types and sizes that do not fit.
 */
export async function matmul(x: Float32Array, weights: Weights, options: MatmulOptions = {}): Promise<MatmulResult> {
  options.signal?.throwIfAborted();
  const { runtime: choice = "auto", signal } = options;
  const rows = checkCall("matmul", x, weights, options);
  const runtime = readyRuntime(choice) ?? (await sharedRuntime(choice));
  const threads = threadsOf("matmul", options.threads);
  const { products } = runtime;
  if (products === undefined) {
    return finished(
      await runPairs("matmul", asScores(x, weights, rows), runtime, { threads, signal }),
      options,
      choice,
    );
  }
  const packed = await packedFor("matmul", weights, runtime, { threads, signal });
  const job = multiplication(x, packed, rows, options);
  const info =
    work(job) > INLINE_WORK ? await products.run(job, { threads, signal }) : products.runSync(job, { threads });
  return { out: job.out, ...withReasons(choice, info) };
}

/** `matmul` for small work, to the end before it returns. */
export function matmulSync(x: Float32Array, weights: Weights, options: SyncMatmulOptions = {}): MatmulResult {
  const choice = options.runtime ?? "auto";
  const rows = checkCall("matmulSync", x, weights, options);
  const runtime = sharedRuntimeSync(choice);
  const threads = threadsOf("matmulSync", options.threads);
  const { products } = runtime;
  if (products === undefined) {
    return finished(runPairsSync("matmulSync", asScores(x, weights, rows), runtime, { threads }), options, choice);
  }
  const job = multiplication(x, packedForSync("matmulSync", weights, runtime, threads), rows, options);
  return { out: job.out, ...withReasons(choice, products.runSync(job, { threads })) };
}

/**
 * Weights in the order in which the kernels of a runtime read them; f16 and bf16 are widened to f32. Where rows are read as they are
 * (WebAssembly) f32 weights are not copied.
 *
 * @throws TypeError and RangeError (as a rejection) for types and sizes that do not fit.
 */
export async function packWeights(weights: WeightMatrix, options: PackOptions = {}): Promise<PackedWeights> {
  checkWeights("packWeights", weights);
  const choice = options.runtime ?? "auto";
  const runtime = readyRuntime(choice) ?? (await sharedRuntime(choice));
  return packedFor("packWeights", weights, runtime, {
    threads: threadsOf("packWeights", options.threads),
    signal: options.signal,
  });
}

/** `packWeights` to the end before it returns. */
export function packWeightsSync(weights: WeightMatrix, options: SyncPackOptions = {}): PackedWeights {
  checkWeights("packWeightsSync", weights);
  const runtime = sharedRuntimeSync(options.runtime ?? "auto");
  return packedForSync("packWeightsSync", weights, runtime, threadsOf("packWeightsSync", options.threads));
}

async function packedFor(
  where: string,
  weights: Weights,
  runtime: Runtime,
  options: { readonly threads: number; readonly signal: AbortSignal | undefined },
): Promise<PackedWeights> {
  const job = packing(weights, runtime);
  if (job === undefined || job.out.length <= INLINE_PACK)
    return packedForSync(where, weights, runtime, options.threads);
  await runtime.products!.run(job, options);
  return packedResult(weights, runtime, job.out);
}

function packedForSync(where: string, weights: Weights, runtime: Runtime, threads: number): PackedWeights {
  if (!isPacked(weights)) checkWeights(where, weights);
  const job = packing(weights, runtime);
  if (job === undefined) return isPacked(weights) ? weights : packedResult(weights, runtime, weightRows(weights));
  runtime.products!.runSync(job, { threads });
  return packedResult(weights, runtime, job.out);
}

function packedResult({ outputs, inputs }: Weights, { products }: Runtime, data: Float32Array): PackedWeights {
  return { outputs, inputs, data, layout: products?.layout ?? ROWS };
}

/** What orders weights for a runtime, where they are not in that order. */
function packing(weights: Weights, { products }: Runtime): ProductJob | undefined {
  if (products === undefined) return undefined;
  const { outputs, inputs } = weights;
  const { lanes, group } = products.layout;
  const packed = isPacked(weights);
  if (packed && weights.layout.lanes === lanes && weights.layout.group === group) return undefined;
  const out = new Float32Array(packedFloats(products.layout, inputs, outputs));
  const type = packed ? "f32" : (weights.type ?? "f32");
  return {
    rows: 0,
    inputs,
    outputs,
    x: undefined,
    weights: packed ? weightRows(weights) : weights.data,
    type,
    out,
    outIsNew: true,
  };
}

function multiplication(x: Float32Array, packed: PackedWeights, rows: number, options: SyncMatmulOptions): ProductJob {
  const { inputs, outputs, data } = packed;
  const { bias, out = new Float32Array(rows * outputs) } = options;
  return { rows, inputs, outputs, x, weights: data, type: "f32", bias, out, outIsNew: options.out === undefined };
}

function work({ rows, inputs, outputs }: ProductJob): number {
  return 2 * rows * inputs * outputs;
}

/** Rows as queries and outputs as keys: their scores are the product. */
function asScores(x: Float32Array, weights: Weights, rows: number): PairScoreInputs {
  const { inputs, outputs } = weights;
  return {
    q: tensor(x, { shape: [1, 1, rows, inputs] }),
    k: tensor(weightRows(weights), { shape: [1, 1, outputs, inputs] }),
  };
}

function finished(
  { out: scores, info }: PairScores,
  { bias, out }: SyncMatmulOptions,
  choice: RuntimeChoice,
): MatmulResult {
  for (let o = 0, i = 0; bias !== undefined && i < scores.length; i++, o = o + 1 === bias.length ? 0 : o + 1) {
    scores[i]! += bias[o]!;
  }
  out?.set(scores);
  return { out: out ?? scores, ...withReasons(choice, info) };
}

/** The number of rows. */
function checkCall(where: string, x: Float32Array, weights: Weights, { bias, out }: SyncMatmulOptions): number {
  checkWeights(where, weights);
  const { inputs, outputs } = weights;
  const floats = (what: string, array: Float32Array): void => {
    if (!(array instanceof Float32Array))
      throw new TypeError(`${where}: ${what} is ${describe(array)}, expected a Float32Array`);
  };
  floats("x", x);
  const rows = x.length / inputs;
  if (!Number.isInteger(rows)) throw new RangeError(`${where}: x has ${x.length} numbers, expected rows of ${inputs}`);
  if (bias !== undefined) {
    floats("bias", bias);
    if (bias.length !== outputs) throw new RangeError(`${where}: bias has ${bias.length} numbers, expected ${outputs}`);
  }
  if (out === undefined) return rows;
  floats("out", out);
  if (out.length !== rows * outputs) {
    throw new RangeError(
      `${where}: out has ${out.length} numbers, expected ${rows * outputs} for [${rows}, ${outputs}]`,
    );
  }
  for (const input of [x, weights.data, bias]) {
    if (input === undefined || input.buffer !== out.buffer) continue;
    const apart =
      out.byteOffset + out.byteLength <= input.byteOffset || input.byteOffset + input.byteLength <= out.byteOffset;
    if (!apart) throw new RangeError(`${where}: out shares memory with an input`);
  }
  return rows;
}
