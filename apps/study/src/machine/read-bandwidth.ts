import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

/** More than caches hold, all threads together. */
const BYTES = 256 * 2 ** 20;
const SCANS = 4;

// Searching bytes for one that is not there reads them all with the processor's widest loads.
const SCAN = `
const { parentPort, workerData } = require("node:worker_threads");
const bytes = Buffer.alloc(workerData.bytes, 1);
parentPort.on("message", () => {
  for (let i = 0; i < workerData.scans; i++) bytes.indexOf(2);
  parentPort.postMessage("done");
});
parentPort.postMessage("ready");
`;

/** GB/s that all threads together read from memory. */
export async function readBandwidth(threads: number = availableParallelism()): Promise<number> {
  const workerData = { bytes: Math.floor(BYTES / threads), scans: SCANS };
  const workers = Array.from({ length: threads }, () => new Worker(SCAN, { eval: true, execArgv: [], workerData }));
  try {
    await Promise.all(workers.map(message));
    const start = performance.now();
    for (const worker of workers) worker.postMessage("scan");
    await Promise.all(workers.map(message));
    return (threads * workerData.bytes * SCANS) / (performance.now() - start) / 1e6;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function message(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once("message", () => resolve());
    worker.once("error", reject);
  });
}
