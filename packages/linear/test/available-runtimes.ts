import { openRuntime, type Runtime } from "@saccade/core";
import { afterAll } from "vitest";

/** Runtimes with two threads each, opened for a test file and closed after it. */
export async function availableRuntimes(): Promise<{ readonly label: string; readonly runtime: Runtime }[]> {
  const runtimes: { readonly label: string; readonly runtime: Runtime }[] = [];
  for (const name of ["native", "wasm", "reference"] as const) {
    try {
      runtimes.push({ label: name, runtime: await openRuntime(name, { threads: 2 }) });
    } catch (error) {
      console.warn(`not run: ${name}: ${String(error)}`);
    }
  }
  afterAll(() => Promise.all(runtimes.map(({ runtime }) => runtime[Symbol.asyncDispose]())));
  return runtimes;
}
