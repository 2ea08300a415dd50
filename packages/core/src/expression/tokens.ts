/** What an interpolation looks like in error messages; columns count it as these four characters. */
export const PLACEHOLDER = "${…}";

export interface Token {
  readonly kind: "number" | "name" | "symbol" | "value" | "end";
  /** As written; of a value, the placeholder. */
  readonly text: string;
  /** From 1. */
  readonly column: number;
  /** What was interpolated. */
  readonly value: unknown;
}

const PATTERN =
  /\s*(?:(?<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<name>[A-Za-z_$][\w$]*)|(?<symbol><=|>=|==|!=|&&|\|\||[-+*/%<>!?:()[\],]))/y;

/**
 * The tokens of a template, the last one of kind "end".
 *
 * @param texts The template's parts; between them stand the values.
 * @throws SyntaxError at a character that no token begins with.
 */
export function tokenize(where: string, texts: readonly string[], values: readonly unknown[]): Token[] {
  const tokens: Token[] = [];
  let column = 1;
  for (const [part, text] of texts.entries()) {
    PATTERN.lastIndex = 0;
    let end = 0;
    for (let match = PATTERN.exec(text); match !== null; match = PATTERN.exec(text)) {
      end = PATTERN.lastIndex;
      const { number, name, symbol } = match.groups!;
      const kind = number !== undefined ? "number" : name !== undefined ? "name" : "symbol";
      const written = (number ?? name ?? symbol)!;
      tokens.push({ kind, text: written, column: column + end - written.length, value: undefined });
    }
    const rest = text.slice(end).trimStart();
    if (rest !== "") {
      const [character] = rest;
      throw new SyntaxError(`${where}: unexpected '${character}' at column ${column + text.length - rest.length}`);
    }
    column += text.length;
    if (part === texts.length - 1) break;
    tokens.push({ kind: "value", text: PLACEHOLDER, column, value: values[part] });
    column += PLACEHOLDER.length;
  }
  tokens.push({ kind: "end", text: "end", column, value: undefined });
  return tokens;
}
