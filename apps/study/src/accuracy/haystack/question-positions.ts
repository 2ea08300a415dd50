/** Where questions stand in a text, and what is left for hiding. */
export interface Places {
  /** Positions of the questions, ascending, the last one at the end. */
  readonly questions: readonly number[];
  /** Tokens before the stretch of the questions. */
  readonly body: number;
}

/** Far enough apart that no two questions share a block of queries, where there is room. */
const APART = 128;
/** Share of the text that questions may take. */
const TAIL = 1 / 8;

/** Places for `count` questions at the end of N tokens: up to 128 tokens apart, and in the last eighth. */
export function questionPlaces(length: number, count: number): Places {
  const apart = Math.max(1, Math.min(APART, Math.floor((TAIL * length) / count)));
  const questions = Array.from({ length: count }, (_, r) => length - 1 - (count - 1 - r) * apart);
  return { questions, body: length - count * apart };
}
