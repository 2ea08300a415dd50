/** A text cut into what a reader takes for words and marks. */
export interface Words {
  /** As they stand in the text. */
  readonly words: readonly string[];
  /** White space before each of them. */
  readonly gaps: readonly string[];
}

// Apostrophes and hyphens inside a word belong to it, as in "didn't".
const WORD = /[\p{L}\p{N}_$]+(?:['’-][\p{L}\p{N}_$]+)*|[^\p{L}\p{N}_$\s]/gu;

/** Cuts a text into words and marks. */
export function splitWords(text: string): Words {
  const found = [...text.matchAll(WORD)];
  const gaps = found.map((match, n) => {
    const before = found[n - 1];
    return text.slice(before === undefined ? 0 : before.index + before[0].length, match.index);
  });
  return { words: found.map(([word]) => word), gaps };
}

/** Tokens that make a word, at most. */
const PIECES = 12;

/**
 * The index of a token that a command line names: a word, of which the last one before `before` is meant, or `#` and a token's number. Of a word
 * in several tokens it is the last one.
 *
 * @throws Error that says what there is.
 */
export function findToken(tokens: readonly string[], name: string, before: number = tokens.length): number {
  const number = /^#(\d+)$/.exec(name);
  if (number !== null) {
    const index = Number(number[1]);
    if (index >= tokens.length) throw new Error(`there is no token ${name}, only #0 to #${tokens.length - 1}`);
    if (index < before) return index;
    throw new Error(`token ${name} is not before #${before}`);
  }
  const wanted = name.trim().toLowerCase();
  const endsWord = (end: number): boolean => {
    let word = "";
    for (let start = end; start >= Math.max(0, end - PIECES + 1); start--) {
      word = tokens[start]! + word;
      if (word.trim().toLowerCase() === wanted) return true;
    }
    return false;
  };
  for (let index = before - 1; index >= 0; index--) if (endsWord(index)) return index;
  const later = tokens.some((_, index) => index >= before && endsWord(index));
  throw new Error(`there is no "${name}" ${later ? `before #${before}, only after it` : "in the text"}`);
}

/** Tokens [from, to) around one of them: what is shown where a text is too long to be shown whole. */
export function excerptAround(
  length: number,
  token: number,
  most: number,
): { readonly from: number; readonly to: number } {
  // What is looked at lies before; a few tokens after it tell where it ends.
  const to = Math.min(length, Math.max(most, token + 1 + Math.floor(most / 16)));
  return { from: Math.max(0, to - most), to };
}
