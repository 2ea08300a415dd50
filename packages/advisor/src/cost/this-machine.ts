/** What calibrations are told apart by, beside the runtime. */
export interface Machine {
  /** The processor's model, or what stands for it where nobody says: the architecture, the browser. */
  readonly cpu: string;
  /** Threads that can run at once. */
  readonly cores: number;
}

export function thisMachine(): Machine {
  const os = nodeModule("node:os");
  if (os !== undefined) {
    return { cpu: os.cpus()[0]?.model.trim() || process.arch, cores: os.availableParallelism() };
  }
  const { navigator } = globalThis as { navigator?: { userAgent?: string; hardwareConcurrency?: number } };
  return { cpu: navigator?.userAgent ?? "unknown", cores: navigator?.hardwareConcurrency ?? 1 };
}

/** Bytes of this process that are in memory; 0 where nobody says. */
export function residentBytes(): number {
  const { process } = globalThis as { process?: NodeJS.Process };
  return process?.memoryUsage?.rss() ?? 0;
}

/** A module of Node without an import that bundlers for browsers would have to resolve; undefined elsewhere. */
export function nodeModule<Id extends keyof NodeModules>(id: Id): NodeModules[Id] | undefined {
  const { process } = globalThis as { process?: NodeJS.Process };
  return process?.versions?.node ? process.getBuiltinModule?.(id) : undefined;
}

interface NodeModules {
  "node:os": typeof import("node:os");
  "node:fs": typeof import("node:fs");
  "node:path": typeof import("node:path");
  "node:crypto": typeof import("node:crypto");
  "node:url": typeof import("node:url");
}
