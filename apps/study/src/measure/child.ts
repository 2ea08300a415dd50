import type { Cell, Measurement } from "./measurement.ts";
import { measureCell } from "./measure-cell.ts";

/** What the child process answers. */
export type Answer = { readonly measurement: Measurement } | { readonly error: string };

// A process of its own for one cell: its memory is the cell's, and running out of it ends nothing else.
process.once("message", (cell: Cell) => {
  void answer(cell).then((message) => process.send!(message, () => process.disconnect()));
});

async function answer(cell: Cell): Promise<Answer> {
  try {
    return { measurement: await measureCell(cell) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
