/** Tokens as people write them: 512, 4k, 1m, in powers of 1024. Undefined where the text is nothing of the kind. */
export function parseLength(text: string): number | undefined {
  const [, count, unit = ""] = /^(\d+)([km]?)$/i.exec(text.trim()) ?? [];
  if (count === undefined) return undefined;
  const length = Number(count) * 2 ** (10 * " km".indexOf(unit.toLowerCase() || " "));
  return Number.isSafeInteger(length) && length > 0 ? length : undefined;
}
