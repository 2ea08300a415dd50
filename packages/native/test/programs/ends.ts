// A process that ends in the way its argument names, with a pool that has worked or is working.
import { Worker } from "node:worker_threads";
import { addon, attend, best } from "../built.ts";
import { denseCall } from "../dense-call.ts";

const long = () => denseCall({ H: 8, N: 4096, D: 64, isa: best, threads: 2 });
const short = () => denseCall({ H: 2, N: 200, D: 32, isa: best, threads: 2 });
const worker = (task: string) => new Worker(new URL("./worker.ts", import.meta.url), { workerData: task });
const message = (from: Worker) => new Promise<unknown>((resolve) => from.once("message", resolve));

const ways: Record<string, () => unknown> = {
  async "with an idle pool"() {
    await attend(short());
    addon.attendSync(...short());
    console.log(addon.state().threads);
  },
  "when its last call is done": () => void attend(short()).then((outcome) => console.log(outcome)),
  "by process.exit during a call"() {
    void attend(long());
    setTimeout(() => process.exit(0), 10);
  },
  "by process.exit at once"() {
    for (let i = 0; i < 8; i++) void attend(short());
    process.exit(0);
  },
  "by an uncaught exception during a call"() {
    void attend(long());
    setTimeout(() => {
      throw new Error("on purpose");
    }, 10);
  },
  async "after terminating workers during asynchronous calls"() {
    for (let round = 0; round < 3; round++) {
      const workers = [worker("asynchronous and long"), worker("asynchronous and long")];
      await Promise.all(workers.map(message));
      await Promise.all(workers.map((each) => each.terminate()));
    }
    console.log(await attend(short()));
  },
  async "after terminating workers during synchronous calls"() {
    const workers = [worker("synchronous"), worker("synchronous")];
    await Promise.all(workers.map(message));
    await Promise.all(workers.map((each) => each.terminate()));
    console.log(await attend(short()));
  },
  async "by process.exit while workers work"() {
    const workers = [worker("asynchronous and long"), worker("synchronous")];
    await Promise.all(workers.map(message));
    process.exit(0);
  },
  async "after workers that alone used the addon"() {
    for (let round = 0; round < 3; round++) {
      const one = worker("asynchronous and short");
      await message(one);
      await one.terminate();
    }
  },
};

await ways[process.argv[2]!]!();
