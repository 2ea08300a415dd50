import { measureMachine, type MachineJob, type MachinePeaks } from "../machine/measure-machine.ts";
import type { CellFindings, CellJob, CellStage } from "./cell-job.ts";
import { measureCell } from "./measure-cell.ts";
import { residentBytes } from "./memory.ts";
import { endWithParent } from "./orphan.ts";

/** What the process says: what it is at, with the bytes that it holds, and in the end what it found or why it did not. */
export type ChildMessage =
  | { readonly stage: CellStage; readonly residentBytes: number }
  | { readonly found: CellFindings | MachinePeaks }
  | { readonly error: string };

// A process of its own for one cell: its memory is the cell's, and running out of it ends nothing else.
// Ctrl-C on a terminal reaches all processes; the parent decides what becomes of this one.
process.on("SIGINT", () => {});
process.once("disconnect", () => process.exit(1));
endWithParent();
process.once("message", (job: CellJob | MachineJob) => {
  void answer(job).then(async (message) => {
    await send(message);
    process.disconnect();
  });
});

async function answer(job: CellJob | MachineJob): Promise<ChildMessage> {
  try {
    if (job.kind === "machine") return { found: await measureMachine(job) };
    return { found: await measureCell(job, (stage) => send({ stage, residentBytes: residentBytes() })) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function send(message: ChildMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send!(message, undefined, undefined, (error: Error | null) => (error ? reject(error) : resolve()));
  });
}
