import { Worker } from "node:worker_threads";

/**
 * Ends this process when its parent is gone, even where the parent was killed and this thread never comes back to its event loop: another
 * thread looks.
 */
export function endWithParent(): void {
  const worker = new Worker(
    `const parent = process.ppid;
     setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, "SIGKILL"); }, 250);`,
    { eval: true, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 } },
  );
  worker.unref();
}
