import { readFileSync } from "node:fs";

/** What counts as a token: every byte, or every word, run of white space and punctuation mark. */
export type TokenKind = "bytes" | "words";

/** A text as token ids. */
export interface TokenText {
  readonly kind: TokenKind;
  /** Ids below `vocabulary`. */
  readonly tokens: Int32Array;
  /** Distinct ids: 256 of bytes, as many as occur of words. */
  readonly vocabulary: number;
}

// Together these match every character, so that the tokens joined are the text.
const WORD = /[\p{L}\p{N}_$]+|\s+|[^\p{L}\p{N}_$\s]/gu;

/** Splits text into tokens. Words get ids in the order in which they first occur. */
export function tokenize(text: Uint8Array, kind: TokenKind): TokenText {
  if (kind === "bytes") return { kind, tokens: new Int32Array(text), vocabulary: 256 };
  const ids = new Map<string, number>();
  const tokens: number[] = [];
  for (const [word] of new TextDecoder().decode(text).matchAll(WORD)) {
    let id = ids.get(word);
    if (id === undefined) {
      id = ids.size;
      ids.set(word, id);
    }
    tokens.push(id);
  }
  return { kind, tokens: Int32Array.from(tokens), vocabulary: ids.size };
}

/** @throws Error naming the file when it cannot be read. */
export function readTokens(file: string, kind: TokenKind): TokenText {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new Error(`text: cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
  return tokenize(bytes, kind);
}
