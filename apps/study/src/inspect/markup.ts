/** Text as it may stand in HTML and SVG, attributes included. Control characters, which XML cannot hold, become replacement characters. */
export function escaped(text: string): string {
  return text
    .replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`)
    .replace(/\p{Cc}/gu, (mark) => (/\s/.test(mark) ? " " : "\uFFFD"));
}

/** A weight for people: 0.983, and 0 only where it is 0. */
export function weightText(weight: number): string {
  if (weight === 0) return "0";
  return Math.abs(weight) < 0.0005 ? "under 0.001" : weight.toFixed(3);
}
