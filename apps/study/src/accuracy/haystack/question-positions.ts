import type { Candidate } from "@saccade/advisor";

/** Where questions stand in a text, and what is left for hiding. */
export interface Places {
  /** Positions of the questions, ascending: the first one after the body, the last one at the end. */
  readonly questions: readonly number[];
  /** Tokens before the questions. */
  readonly body: number;
}

/** Far enough apart that no two questions share a block of queries. */
const APART = 128;
/** Share of the text that questions may take. */
const TAIL = 1 / 8;

/**
 * Places for `count` questions at the end of N tokens: 128 tokens apart, less where they would take more than an eighth of the text. Where
 * a variant reads a pattern off the end of a prompt, next to each other, so that it sees all of them.
 */
export function questionPlaces({ selection }: Pick<Candidate, "selection">, length: number, count: number): Places {
  const apart = selection === "prompt" ? 1 : Math.max(1, Math.min(APART, Math.floor((TAIL * length) / count)));
  const body = length - 1 - (count - 1) * apart;
  return { questions: Array.from({ length: count }, (_, r) => body + r * apart), body };
}
