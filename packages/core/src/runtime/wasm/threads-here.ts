import { nodeModule } from "../parallelism.ts";
import type { OpenOptions } from "../runtime.ts";

/** Why threads cannot share a memory here; undefined when they can. */
export function obstacleToThreads({ workerFactory }: OpenOptions): string | undefined {
  if (typeof SharedArrayBuffer === "undefined") {
    return "crossOriginIsolated" in globalThis && !globalThis.crossOriginIsolated
      ? "there is no SharedArrayBuffer, since the page is not cross-origin isolated"
      : "there is no SharedArrayBuffer";
  }
  if (workerFactory === undefined && nodeModule("node:worker_threads") === undefined && typeof Worker === "undefined") {
    return "there are no workers";
  }
  // Some engines have the constructor, and still refuse to share.
  const { port1, port2 } = new MessageChannel();
  try {
    port1.postMessage(new WebAssembly.Memory({ initial: 0, maximum: 1, shared: true }).buffer);
    return undefined;
  } catch (error) {
    return `a shared memory cannot be posted (${error instanceof Error ? error.message : String(error)})`;
  } finally {
    port1.close();
    port2.close();
  }
}
