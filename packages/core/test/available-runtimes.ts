import { openRuntime, type Runtime, type RuntimeName } from "../src/index.ts";

/** A runtime with one instruction set, to run tests on. */
export interface AvailableRuntime {
  readonly label: string;
  readonly runtime: Runtime;
}

const CHOICES: readonly (readonly [RuntimeName, string | undefined])[] = [
  ["reference", undefined],
  ["wasm", "relaxed-simd"],
  ["wasm", "simd128"],
  ["native", "avx512"],
  ["native", "avx2"],
  ["native", "neon"],
  ["native", "plain"],
];

/** Every runtime and instruction set that opens here, each with two threads; the others with the reason. */
export async function availableRuntimes(): Promise<{ available: AvailableRuntime[]; missing: string[] }> {
  const available: AvailableRuntime[] = [];
  const missing: string[] = [];
  for (const [name, instructionSet] of CHOICES) {
    const label = instructionSet === undefined ? name : `${name} ${instructionSet}`;
    try {
      available.push({ label, runtime: await openRuntime(name, { instructionSet, threads: 2 }) });
    } catch (error) {
      missing.push(`${label}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { available, missing };
}
