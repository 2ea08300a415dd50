import {
  compileKernels,
  instructionSetOf,
  supports,
  type KernelBuild,
  type WasmInstructionSet,
} from "@saccade/kernels";
import { compileKernelsSync } from "@saccade/kernels/sync";
import { availableParallelism } from "../parallelism.ts";
import type { OpenOptions, Runtime } from "../runtime.ts";
import type { KernelExports } from "./kernel-instance.ts";
import { createMemory, LinearMemory } from "./linear-memory.ts";
import { Pool } from "./pool.ts";
import { obstacleToThreads } from "./threads-here.ts";
import { WasmRuntime } from "./wasm-runtime.ts";

/**
 * Opens a WebAssembly runtime: a linear memory with the kernels of the best instruction set that this engine takes (or of the one
 * asked for, or of the caller's own module). Worker threads start with the first work that is worth them.
 *
 * @throws Error when there is no SIMD, or what was asked for does not work here.
 */
export async function openWasm(options: OpenOptions = {}): Promise<Runtime> {
  const choice = choose(options);
  const module = options.module ?? (await compileKernels(choice));
  const memory = new LinearMemory(choice.shared);
  const instance = await WebAssembly.instantiate(module, { env: { memory: memory.memory } });
  return assemble(options, choice, module, memory, instance);
}

/** `openWasm` for callers that cannot wait. */
export function openWasmSync(options: OpenOptions = {}): Runtime {
  const choice = choose(options);
  const module = options.module ?? compileKernelsSync(choice);
  const memory = new LinearMemory(choice.shared);
  const instance = new WebAssembly.Instance(module, { env: { memory: memory.memory } });
  return assemble(options, choice, module, memory, instance);
}

interface Choice extends KernelBuild {
  readonly threads: number;
  readonly notTaken: readonly string[];
}

function choose(options: OpenOptions): Choice {
  if (typeof WebAssembly !== "object") throw new Error("wasm runtime: there is no WebAssembly here");
  const notTaken = [...(options.notTaken ?? [])];
  const instructionSet =
    options.module === undefined
      ? chooseInstructionSet(options.instructionSet, notTaken)
      : givenInstructionSet(options.module, options.instructionSet, notTaken);
  const threads = options.threads ?? availableParallelism();
  if (!(threads >= 1)) throw new RangeError(`wasm runtime: threads is ${threads}, expected a number of at least 1`);
  const given = options.module === undefined ? undefined : takesSharedMemory(options.module);
  const alone = given === false ? "the module that was given is not for a shared memory" : obstacleToThreads(options);
  if (threads > 1 && alone !== undefined) notTaken.push(`more threads: ${alone}`);
  const count = alone === undefined ? Math.floor(threads) : 1;
  return { instructionSet, shared: given ?? count > 1, threads: count, notTaken };
}

function chooseInstructionSet(asked: string | undefined, notTaken: string[]): WasmInstructionSet {
  if (asked !== undefined && asked !== "simd128" && asked !== "relaxed-simd") {
    throw new TypeError(
      `wasm runtime: instructionSet is ${JSON.stringify(asked)}, expected "simd128" or "relaxed-simd"`,
    );
  }
  if (asked !== undefined && !supports(asked)) throw new Error(`wasm runtime: this engine has no ${asked}`);
  if (asked === "relaxed-simd" || (asked === undefined && supports("relaxed-simd"))) return "relaxed-simd";
  if (!supports("simd128")) throw new Error("wasm runtime: this engine has no simd128");
  notTaken.push(asked === undefined ? "relaxed-simd: this engine has none" : "relaxed-simd: simd128 was asked for");
  return "simd128";
}

function givenInstructionSet(
  module: WebAssembly.Module,
  asked: string | undefined,
  notTaken: string[],
): WasmInstructionSet {
  const instructionSet = instructionSetOf(module);
  if (instructionSet === undefined) throw new TypeError("wasm runtime: module is none of those of @saccade/kernels");
  if (asked !== undefined && asked !== instructionSet) {
    throw new TypeError(`wasm runtime: module is for ${instructionSet}, asked for ${asked}`);
  }
  if (instructionSet === "simd128") notTaken.push("relaxed-simd: the module that was given has none");
  return instructionSet;
}

/** A module's exports do not tell what kind of memory it imports; it refuses the other kind. */
function takesSharedMemory(module: WebAssembly.Module): boolean {
  try {
    void new WebAssembly.Instance(module, { env: { memory: createMemory(false) } });
    return false;
  } catch (error) {
    if (error instanceof WebAssembly.LinkError) return true;
    throw error;
  }
}

function assemble(
  options: OpenOptions,
  { instructionSet, threads, notTaken }: Choice,
  module: WebAssembly.Module,
  memory: LinearMemory,
  instance: WebAssembly.Instance,
): Runtime {
  const kernels = instance.exports as unknown as KernelExports;
  memory.open(Number(kernels.__heap_base.value));
  const pool = threads > 1 ? new Pool(memory, module, threads, options.workerFactory) : undefined;
  return new WasmRuntime({ memory, kernels, instructionSet, pool, notTaken });
}
