import type { Program } from "../../expression/compile.ts";
import { type Programs, wordsOf } from "../programs.ts";
import { PROGRAM, PROGRAM_WORDS, TABLE_WORDS } from "./job-layout.ts";
import type { KernelExports } from "./kernel-instance.ts";
import type { LinearMemory } from "./linear-memory.ts";

/** Words of linear memory that programs take with their code and tables. */
export function programWords({ mask, score }: Programs): number {
  return wordsOfProgram(mask) + wordsOfProgram(score);
}

function wordsOfProgram(program: Program | undefined): number {
  if (program === undefined) return 0;
  const numbers = program.tables.reduce((sum, table) => sum + table.length, 0);
  return PROGRAM_WORDS + program.code.length + TABLE_WORDS * program.tables.length + numbers;
}

/**
 * Writes programs to an address of linear memory, and returns where each of them stands, 0 for none.
 *
 * @throws Error when the kernels refuse a program.
 */
export function stagePrograms(
  { mask, score }: Programs,
  memory: LinearMemory,
  address: number,
  kernels: KernelExports,
): { readonly mask: number; readonly score: number } {
  const scoreAt = address + 4 * wordsOfProgram(mask);
  if (mask !== undefined) writeProgram(mask, memory.ints(), address / 4);
  if (score !== undefined) writeProgram(score, memory.ints(), scoreAt / 4);
  if (mask !== undefined && kernels.verifyProgram(address, 0) !== 1) throw new Error("wasm: the mask is not valid");
  if (score !== undefined && kernels.verifyProgram(scoreAt, 1) !== 1) throw new Error("wasm: the score is not valid");
  return { mask: mask === undefined ? 0 : address, score: score === undefined ? 0 : scoreAt };
}

function writeProgram({ code, ends, result, tables }: Program, ints: Int32Array, word: number): void {
  const codeAt = word + PROGRAM_WORDS;
  const tablesAt = codeAt + code.length;
  ints[word + PROGRAM.code] = 4 * codeAt;
  ints[word + PROGRAM.tables] = 4 * tablesAt;
  ints.set(ends, word + PROGRAM.ends);
  ints[word + PROGRAM.result] = result;
  ints[word + PROGRAM.tableCount] = tables.length;
  ints.set(code, codeAt);
  let at = tablesAt + TABLE_WORDS * tables.length;
  tables.forEach((table, i) => {
    ints[tablesAt + TABLE_WORDS * i] = 4 * at;
    ints[tablesAt + TABLE_WORDS * i + 1] = table.length;
    ints.set(wordsOf(table), at);
    at += table.length;
  });
}
