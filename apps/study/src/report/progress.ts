import { Presets, SingleBar } from "cli-progress";
import type { CellRecord } from "../study/record.ts";
import { reasonText } from "./columns.ts";
import { bytes, seconds } from "./units.ts";

/** Tells how far a study is: a bar on a terminal, a line for each cell elsewhere. */
export interface Progress {
  start(cells: number): void;
  running(system: string, length: number): void;
  done(cell: CellRecord): void;
  stop(): void;
}

/** @param stream Where to write; a bar only when it is a terminal. */
export function progressOn(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? bar(stream) : lines(stream);
}

function bar(stream: NodeJS.WriteStream): Progress {
  // Redrawn once a second and between cells: drawing must not take time from what is measured.
  const single = new SingleBar(
    { format: " {bar} {value}/{total}  {doing}", stream, fps: 1, hideCursor: true, clearOnComplete: true },
    Presets.shades_classic,
  );
  return {
    start: (cells) => single.start(cells, 0, { doing: "" }),
    running(system, length) {
      single.update({ doing: `${system}, ${length} tokens` });
      single.render();
    },
    done: () => single.increment(),
    stop: () => single.stop(),
  };
}

function lines(stream: NodeJS.WriteStream): Progress {
  let total = 0;
  let finished = 0;
  return {
    start: (cells) => void (total = cells),
    running: () => {},
    done(cell) {
      finished++;
      const found =
        cell.status === "measured" ? `${seconds(cell.medianMs)}, peak ${bytes(cell.peakBytes)}` : reasonText(cell);
      stream.write(`[${finished}/${total}] ${cell.system}, ${cell.length} tokens: ${found}\n`);
    },
    stop: () => {},
  };
}
