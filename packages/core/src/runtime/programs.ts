import { compile, type Program } from "../expression/compile.ts";
import type { AttentionJob } from "./runtime.ts";

/** Ints before the code of packed programs: ends (4), result and number of tables, of the mask program and of the score program. */
const HEADER_INTS = 12;

/** The mask and the score program of a call. */
export interface Programs {
  readonly mask: Program | undefined;
  readonly score: Program | undefined;
}

export function programsOf({ schedule, scores }: Pick<AttentionJob, "schedule" | "scores">): Programs {
  return {
    mask: schedule.masked && compile(schedule.masked),
    score: scores.score && compile(scores.score),
  };
}

const NONE: Int32Array = new Int32Array(0);

/**
 * Programs in one array, as the addon takes them:
 *
 * ```text
 *   header | code of the mask | code of the score | lengths of all tables | their numbers
 * ```
 */
export function packPrograms({ mask, score }: Programs): Int32Array {
  if (mask === undefined && score === undefined) return NONE;
  const both = [mask, score];
  const tables = both.flatMap((program) => program?.tables ?? []);
  const code = both.reduce((sum, program) => sum + (program?.code.length ?? 0), 0);
  const numbers = tables.reduce((sum, table) => sum + table.length, 0);
  const words = new Int32Array(HEADER_INTS + code + tables.length + numbers);
  let at = HEADER_INTS;
  both.forEach((program, i) => {
    if (program === undefined) return;
    words.set([...program.ends, program.result, program.tables.length], (i * HEADER_INTS) / 2);
    words.set(program.code, at);
    at += program.code.length;
  });
  for (const table of tables) words[at++] = table.length;
  for (const table of tables) {
    words.set(wordsOf(table), at);
    at += table.length;
  }
  return words;
}

/** The bits of a table. */
export function wordsOf(table: Int32Array | Float32Array): Int32Array {
  return table instanceof Int32Array ? table : new Int32Array(table.buffer, table.byteOffset, table.length);
}
