import type { RuntimeClass, System } from "../systems/registry.ts";

/** Saccade on a runtime, by `forward`. */
export const saccade = (runtime: RuntimeClass, threads: number): System => ({ system: "saccade", runtime, threads });

/** Another system, or another way to call Saccade. */
export const peer = (system: string, runtime: RuntimeClass, threads: number): System => ({ system, runtime, threads });
