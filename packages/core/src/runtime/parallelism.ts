/** Threads that can run at once here: the processor's, or what a container leaves of them. */
export function availableParallelism(): number {
  return nodeModule("node:os")?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}

/** A module of Node without an import that bundlers for browsers would have to resolve; undefined elsewhere. */
export function nodeModule<Id extends keyof NodeModules>(id: Id): NodeModules[Id] | undefined {
  const { process } = globalThis as { process?: NodeJS.Process };
  return process?.versions?.node ? process.getBuiltinModule?.(id) : undefined;
}

interface NodeModules {
  "node:os": typeof import("node:os");
  "node:module": typeof import("node:module");
  "node:worker_threads": typeof import("node:worker_threads");
}
