import { Presets, SingleBar } from "cli-progress";
import type { CellKey, CellRecord } from "../cells/record.ts";
import { cellId } from "../grid/grid.ts";
import { bytes, seconds } from "../report/units.ts";
import { inWords } from "../results/merge-studies.ts";
import type { RunHooks } from "./run-study.ts";
import { timeLeft } from "./time-left.ts";

/** Tells how far a study is: a bar with the time left on a terminal, a line for each cell elsewhere. */
export interface Progress extends Required<RunHooks> {
  stop(): void;
}

/**
 * @param stream Where to write; a bar only when it is a terminal.
 * @param cellSeconds What no cell takes more than.
 */
export function progressOn(stream: NodeJS.WriteStream, cellSeconds: number): Progress {
  return stream.isTTY ? bar(stream, cellSeconds) : lines(stream);
}

function bar(stream: NodeJS.WriteStream, cellSeconds: number): Progress {
  // Redrawn once a second and between cells: drawing must not take time from what is measured.
  const single = new SingleBar(
    {
      format: " {bar} {value}/{total}  {left}{doing}",
      stream,
      fps: 1,
      hideCursor: true,
      clearOnComplete: true,
      // Ctrl-C is the study's, which ends the process of the cell first.
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  const known = timeLeft(cellSeconds);
  const left = new Map<string, CellKey>();
  const show = (doing: string): void => {
    const time = known.secondsFor([...left.values()]);
    single.update({ doing, left: time === undefined ? "" : `about ${seconds(1000 * time)} left  ` });
    single.render();
  };
  return {
    onStart(cells, done) {
      for (const cell of cells) left.set(cellId(cell), cell);
      for (const cell of done) left.delete(cellId(cell));
      single.start(cells.length, done.length, { doing: "", left: "" });
    },
    onMachine: () => show("measuring this machine"),
    onCell: (cell) => show(inWords(cell)),
    onRecord(cell, took) {
      left.delete(cellId(cell));
      known.took(cell, took);
      single.increment();
    },
    stop: () => single.stop(),
  };
}

function lines(stream: NodeJS.WriteStream): Progress {
  let total = 0;
  let finished = 0;
  return {
    onStart(cells, done) {
      total = cells.length;
      finished = done.length;
      if (finished > 0) stream.write(`${finished} of ${total} cells are there already\n`);
    },
    onMachine: () => {},
    onCell: () => {},
    onRecord(cell) {
      finished++;
      stream.write(`[${finished}/${total}] ${inWords(cell)}: ${found(cell)}\n`);
    },
    stop: () => {},
  };
}

function found(cell: CellRecord): string {
  if (cell.status !== "measured") return `${cell.status.replaceAll("-", " ")}: ${cell.reason}`;
  return `${seconds(cell.prefill.medianMs)}, peak ${bytes(cell.memory.peakBytes)}`;
}
