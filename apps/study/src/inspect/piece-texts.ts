/** Tokens before one that decide how it reads: whether a space stands before it, or whether it ends a letter of several bytes. */
const BEFORE = 4;

/**
 * What each token adds to the text: joined they are the text, but for letters whose bytes are in several tokens, which show at the last of
 * these.
 */
export function pieceTexts(ids: readonly number[], decode: (ids: readonly number[]) => string): string[] {
  return ids.map((_, n) => {
    const start = Math.max(0, n - BEFORE);
    const before = complete(n === start ? "" : decode(ids.slice(start, n)));
    const whole = complete(decode(ids.slice(start, n + 1)));
    return whole.startsWith(before) ? whole.slice(before.length) : "";
  });
}

/** A text without the mark of a letter whose last bytes are still missing. */
function complete(text: string): string {
  return text.replace(/\uFFFD+$/, "");
}
