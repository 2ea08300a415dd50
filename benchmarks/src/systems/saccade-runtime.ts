import { openRuntime, type RunInfo, type Runtime, type Tensor } from "@saccade/core";
import type { OutputReader } from "../measure/check.ts";

const opened = new Map<string, Promise<Runtime>>();

/** A runtime with exactly that many threads, opened once in a process, as a caller would. */
export async function openedRuntime(
  name: "native" | "wasm",
  threads: number,
): Promise<{ readonly runtime: Runtime; readonly info: RunInfo }> {
  const key = `${name} ${threads}`;
  const open = opened.get(key) ?? openRuntime(name, { threads });
  opened.set(key, open);
  const runtime = await open;
  const info = runtime.info(threads);
  if (info.threads !== threads) throw new Error(`ran on ${info.threads} threads: ${info.notTaken.join("; ")}`);
  return { runtime, info };
}

/** How the check reads one of Saccade's tensors. */
export function readerOf({ data, offset, strides }: Tensor): OutputReader {
  const floats = data instanceof Float32Array ? data : data.floats();
  return (b, h, i, e) => floats[offset + b * strides.b + h * strides.h + i * strides.n + e]!;
}
