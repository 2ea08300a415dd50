import { parentPort, workerData } from "node:worker_threads";
import { addon, attend, best } from "../built.ts";
import { denseCall, OUT } from "../dense-call.ts";

const tasks: Record<string, () => unknown> = {
  "asynchronous and long"() {
    void attend(denseCall({ H: 8, N: 4096, D: 64, isa: best, threads: 2 }));
    parentPort!.postMessage("started");
  },
  async "asynchronous and short"() {
    parentPort!.postMessage(await attend(denseCall({ H: 2, N: 200, D: 32, isa: best, threads: 2 })));
    setInterval(() => undefined, 1000);
  },
  synchronous() {
    parentPort!.postMessage("started");
    for (;;) addon.attendSync(...denseCall({ H: 2, N: 500, D: 64, isa: best, threads: 2 }));
  },
  // Many calls of both kinds, each compared with the bits of one thread.
  async mixed() {
    let different = 0;
    for (let round = 0; round < 20; round++) {
      const shape = { H: 4, G: 2, N: 40 + round, M: 300, D: 24, parts: 1 + (round % 3), isa: best, seed: round };
      const expected = denseCall({ ...shape, threads: 1 });
      addon.attendSync(...expected);
      const sync = denseCall({ ...shape, threads: 2 });
      const later = [1, 2, 3].map((threads) => denseCall({ ...shape, threads }));
      const outcomes = later.map((call) => attend(call));
      addon.attendSync(...sync);
      await Promise.all(outcomes);
      for (const call of [sync, ...later]) {
        if (!expected[OUT].every((value, index) => value === call[OUT][index])) different++;
      }
    }
    parentPort!.postMessage(different);
  },
};

await tasks[workerData as string]!();
