import { PassThrough } from "node:stream";
import type { WriteStream } from "node:tty";
import { expect, it } from "vitest";
import type { CellKey, UnmeasuredCell } from "../cells/record.ts";
import { progressOn } from "./progress.ts";

const cell = (length: number): CellKey => ({ variant: "dense", input: "text", length, runtime: "auto" });
const failed = (length: number): UnmeasuredCell => ({
  record: "cell",
  machine: "m",
  ...cell(length),
  status: "out-of-time",
  reason: "killed after 60 s, in prefill",
});

/** What is written to a stream, which is a terminal or not. */
function screen(isTTY: boolean): { readonly stream: WriteStream; text(): string } {
  const parts: string[] = [];
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 120, rows: 40 });
  stream.on("data", (part: Buffer) => parts.push(part.toString()));
  return { stream: stream as unknown as WriteStream, text: () => parts.join("") };
}

it("writes a line for each cell where there is no terminal", () => {
  const { stream, text } = screen(false);
  const progress = progressOn(stream, 60);
  progress.onStart([cell(512), cell(1024)], [failed(512)]);
  progress.onMachine();
  progress.onCell(cell(1024));
  progress.onRecord(failed(1024), 60);
  progress.stop();
  expect(text()).toBe(
    "1 of 2 cells are there already\n[2/2] dense, 1024 tokens of text, auto: out of time: killed after 60 s, in prefill\n",
  );
});

it("draws a bar with the time left on a terminal", () => {
  const { stream, text } = screen(true);
  const progress = progressOn(stream, 60);
  progress.onStart([cell(512), cell(1024), cell(2048)], []);
  progress.onCell(cell(512));
  progress.onRecord(failed(512), 2);
  progress.onCell(cell(1024));
  progress.stop();
  expect(text()).toContain(" 0/3  dense, 512 tokens of text, auto");
  // 4 s of the next, 8 s of the last.
  expect(text()).toContain(" 1/3  about 12.0 s left  dense, 1024 tokens of text, auto");
});
