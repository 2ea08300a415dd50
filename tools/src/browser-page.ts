/** Runs in the page: dense attention on WebAssembly, compared with the reference; the result goes back to the server. */
import { dense, tensor, type Tensor } from "@saccade/core";

export interface PageResult {
  readonly error?: string;
  readonly isolated?: boolean;
  readonly runs?: readonly PageRun[];
}

export interface PageRun {
  readonly runtime: string;
  readonly instructionSet: string;
  readonly asked: number;
  readonly threads: number;
  readonly notTaken: readonly string[];
  readonly maxError: number;
  /** Whether the output has the same bits as the first run's. */
  readonly sameBits: boolean;
}

const [heads, keyHeads, tokens, width] = [4, 2, 768, 64] as const;

function random(seed: number, count: number): Tensor {
  const data = new Float32Array(count * tokens * width);
  let state = seed;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = state / 2 ** 31 - 1;
  }
  return tensor(data, { shape: [1, count, tokens, width], layout: "bhnd" });
}

async function measure(): Promise<PageResult> {
  const inputs = { q: random(1, heads), k: random(2, keyHeads), v: random(3, keyHeads) };
  const attend = dense({ causal: true });
  const expected = attend.reference(inputs).out;
  const runs: PageRun[] = [];
  let first: Float32Array | undefined;
  for (const asked of [1, 2, 2]) {
    let result = await attend.forward(inputs, { runtime: "wasm", threads: asked });
    // Calls do not wait for workers that are still starting.
    for (
      const begin = performance.now();
      result.threads < asked && waitsForWorkers() && performance.now() - begin < 10_000;
    ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      result = await attend.forward(inputs, { runtime: "wasm", threads: asked });
    }
    const out = result.out.data as Float32Array;
    first ??= out;
    let maxError = 0;
    let sameBits = true;
    for (let i = 0; i < expected.length; i++) {
      maxError = Math.max(maxError, Math.abs(out[i]! - expected[i]!));
      sameBits &&= Object.is(out[i], first[i]);
    }
    const { runtime, instructionSet, threads, notTaken } = result;
    runs.push({ runtime, instructionSet, asked, threads, notTaken, maxError, sameBits });
  }
  return { isolated: crossOriginIsolated, runs };
}

/** Where memory cannot be shared there will never be any. */
const waitsForWorkers = (): boolean => crossOriginIsolated && navigator.hardwareConcurrency > 1;

const send = (result: PageResult): Promise<Response> =>
  fetch("./result", { method: "POST", body: JSON.stringify(result) });

addEventListener("error", (event) => void send({ error: event.message }));
await measure().then(send, (error: unknown) =>
  send({ error: error instanceof Error ? `${error.message}\n${error.stack}` : String(error) }),
);
