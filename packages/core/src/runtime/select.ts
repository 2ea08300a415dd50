import { describe } from "../tensor.ts";
import { openNative } from "./native.ts";
import { openReference } from "./reference.ts";
import type { OpenOptions, RunInfo, Runtime, RuntimeName } from "./runtime.ts";
import { openWasm, openWasmSync } from "./wasm/open.ts";

/**
 * Opens a runtime of one's own: its threads and memory are freed by `await using` or `[Symbol.asyncDispose]()`. Calls that name none
 * share runtimes that are opened at the first call and need no closing.
 *
 * `"auto"` takes native where the addon loads, else wasm; results say why the first was not taken.
 *
 * @throws Error saying why the runtime cannot be opened here.
 * @example await using runtime = await openRuntime("wasm", { threads: 2 });
 */
export async function openRuntime(name: "auto" | RuntimeName, options: OpenOptions = {}): Promise<Runtime> {
  switch (name) {
    case "native":
      return openNative(options);
    case "wasm":
      return openWasm(options);
    case "reference":
      return openReference();
    case "auto": {
      const native = tryNative(options);
      return typeof native === "string" ? openWasm({ ...options, notTaken: [native] }) : native;
    }
    default:
      throw unknownRuntime("openRuntime", name);
  }
}

/** `openRuntime` where nothing can be waited for; a browser's main thread may refuse to compile WebAssembly this way. */
export function openRuntimeSync(name: "auto" | RuntimeName, options: OpenOptions = {}): Runtime {
  switch (name) {
    case "native":
      return openNative(options);
    case "wasm":
      return openWasmSync(options);
    case "reference":
      return openReference();
    case "auto": {
      const native = tryNative(options);
      return typeof native === "string" ? openWasmSync({ ...options, notTaken: [native] }) : native;
    }
    default:
      throw unknownRuntime("openRuntimeSync", name);
  }
}

/** What a call's `runtime` option may be. */
export type RuntimeChoice = "auto" | RuntimeName | Runtime;

/** What a call passes to a runtime when it names no thread count: more than any has, and each takes at most its own. */
export const ALL_THREADS: number = 2 ** 16;

const shared = new Map<RuntimeName, Runtime>();
let wasmOpening: Promise<Runtime> | undefined;
/** Why `auto` cannot have native; it is tried once. */
let nativeFailure: string | undefined;

/** The runtime of a call, when it can be had without waiting. The choice is "auto" when a caller makes none. */
export function readyRuntime(choice: RuntimeChoice): Runtime | undefined {
  if (typeof choice !== "string") return choice;
  if (choice === "auto") return sharedNative() ?? shared.get("wasm");
  const open = shared.get(choice);
  return open ?? (choice === "wasm" ? undefined : share(openRuntimeSync(choice)));
}

/** The runtime of a call; a shared one is opened on the way. */
export async function sharedRuntime(choice: RuntimeChoice): Promise<Runtime> {
  const ready = readyRuntime(choice);
  if (ready !== undefined) return ready;
  const opened = (wasmOpening ??= openWasm({}).then(share));
  // A failure may pass, and an opened runtime is found in `shared`: neither has to be kept here.
  return opened.finally(() => {
    wasmOpening = undefined;
  });
}

/** `sharedRuntime` for calls that cannot wait. */
export function sharedRuntimeSync(choice: RuntimeChoice): Runtime {
  return readyRuntime(choice) ?? share(openWasmSync({}));
}

/** What ran, and why nothing better: to a runtime's own reasons `auto` adds why it did not take native. */
export function withReasons(choice: RuntimeChoice, info: RunInfo): RunInfo {
  if (choice !== "auto" || nativeFailure === undefined || info.runtime !== "wasm") return info;
  return { ...info, notTaken: [nativeFailure, ...info.notTaken] };
}

/** Of two that were opened at the same time the first stays. */
function share(runtime: Runtime): Runtime {
  const first = shared.get(runtime.name);
  if (first !== undefined) return first;
  shared.set(runtime.name, runtime);
  return runtime;
}

function sharedNative(): Runtime | undefined {
  const open = shared.get("native");
  if (open !== undefined || nativeFailure !== undefined) return open;
  const native = tryNative({});
  if (typeof native !== "string") return share(native);
  nativeFailure = native;
  return undefined;
}

function tryNative(options: OpenOptions): Runtime | string {
  try {
    return openNative(options);
  } catch (error) {
    return `native: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function unknownRuntime(where: string, name: never): TypeError {
  return new TypeError(`${where}: runtime is ${describe(name)}, expected "auto", "native", "wasm" or "reference"`);
}
