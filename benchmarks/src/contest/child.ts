// The process of one contestant: it prepares one call of one system, then computes only when it is asked to.
import { checkRows, tolerance } from "../measure/check.ts";
import { makeInputs } from "../measure/inputs.ts";
import { startPeak } from "../measure/resident-memory.ts";
import type { CallShape } from "../measure/shape.ts";
import { median } from "../measure/statistics.ts";
import { loadSystem, missingFeatures, type System } from "../systems/registry.ts";
import type { Prepared } from "../systems/system.ts";
import type { Ready, Reply, Request, Round } from "./messages.ts";

let prepared: Prepared | undefined;

async function answer(request: Request): Promise<Reply> {
  try {
    return request.type === "prepare"
      ? { type: "ready", ready: await prepare(request.system, request.shape) }
      : { type: "round", round: await round(request.minMs) };
  } catch (error) {
    return { type: "failed", message: error instanceof Error ? error.message : String(error) };
  }
}

async function prepare(system: System, shape: CallShape): Promise<Ready> {
  const lacking = missingFeatures(system, shape);
  if (lacking.length > 0) throw new Error(`${system.system} is not made for ${lacking.join(", ")}`);
  const load = await loadSystem(system);
  // A tiny call first: libraries, threads and compiled code are there when memory is looked at.
  const tiny = { ...shape, N: Math.min(shape.N, 16), M: Math.min(shape.M, 16) };
  await (await load(tiny, makeInputs(tiny), system.threads)).run();
  const inputs = makeInputs(shape);
  const call = await load(shape, inputs, system.threads);
  const peak = startPeak();
  const firstMs = await timed(call);
  const outputMB = (shape.B * shape.H * shape.N * shape.E * 4) / 2 ** 20;
  const peakMemoryMB = Math.max(0, peak() - outputMB);
  prepared = call;
  const note = call.note ?? "";
  if (!call.read) return { firstMs, peakMemoryMB, maxAbsError: null, maxAbsReference: null, note };
  const { maxAbsError, maxAbsReference } = checkRows(inputs, shape, call.read());
  if (!(maxAbsError <= tolerance(shape) * maxAbsReference)) {
    throw new Error(`wrong result: off by ${maxAbsError} where values reach ${maxAbsReference}`);
  }
  return { firstMs, peakMemoryMB, maxAbsError, maxAbsReference, note };
}

async function round(minMs: number): Promise<Round> {
  if (!prepared) throw new Error("nothing was prepared");
  const times: number[] = [];
  const before = process.cpuUsage();
  const end = performance.now() + minMs;
  do {
    // One after another is the point.
    // oxlint-disable-next-line no-await-in-loop
    times.push(await timed(prepared));
  } while (performance.now() < end);
  const { user, system } = process.cpuUsage(before);
  return { calls: times.length, medianMs: median(times), cpuMs: (user + system) / 1000 / times.length };
}

/** A system that measures itself returns its own milliseconds. */
async function timed(call: Prepared): Promise<number> {
  const start = performance.now();
  const result = call.run();
  const own = result instanceof Promise ? ((await result) as unknown) : result;
  return typeof own === "number" ? own : performance.now() - start;
}

process.on("message", (request: Request) => {
  void answer(request).then((reply) => process.send?.(reply));
});
// The parent went away.
process.on("disconnect", () => process.exit(0));
