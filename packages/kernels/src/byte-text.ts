/**
 * Bytes as text that a gzipped download carries in no more space than the bytes themselves. Base64 takes half as much again: it moves
 * what repeats in code across the borders of its characters, where a compressor does not find it.
 *
 * The most frequent bytes are one character each. Every other byte is one of two marks and a character.
 */
export interface ByteText {
  /** All 256 bytes, the most frequent first, in hexadecimal. */
  readonly order: string;
  readonly text: string;
}

/** What stands for itself in every kind of string literal. */
const ALPHABET: string = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i))
  .filter((character) => !`"'$\\\``.includes(character))
  .join("");
/** Bytes of one character; the two characters after these are the marks. */
const SINGLE = 86;
const SECOND: number = SINGLE + 2;

export function encodeBytes(bytes: Uint8Array): ByteText {
  const counts = new Int32Array(256);
  for (const byte of bytes) counts[byte]!++;
  const order = Array.from(counts.keys()).sort((a, b) => counts[b]! - counts[a]! || a - b);
  const codes: string[] = [];
  for (const [rank, byte] of order.entries()) {
    const rest = rank - SINGLE;
    codes[byte] = rest < 0 ? ALPHABET[rank]! : ALPHABET[SINGLE + Math.floor(rest / SECOND)]! + ALPHABET[rest % SECOND]!;
  }
  return {
    order: order.map((byte) => byte.toString(16).padStart(2, "0")).join(""),
    text: Array.from(bytes, (byte) => codes[byte]!).join(""),
  };
}

export function decodeBytes({ order, text }: ByteText): Uint8Array<ArrayBuffer> {
  const ranks = new Uint8Array(127);
  for (let i = 0; i < SECOND; i++) ranks[ALPHABET.charCodeAt(i)] = i;
  const values = Array.from({ length: 256 }, (_, i) => Number.parseInt(order.slice(2 * i, 2 * i + 2), 16));
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    let rank = ranks[text.charCodeAt(at)]!;
    if (rank >= SINGLE) rank = SINGLE + (rank - SINGLE) * SECOND + ranks[text.charCodeAt(++at)]!;
    bytes[length++] = values[rank]!;
  }
  return bytes.slice(0, length);
}
