import { excerptAround } from "./words.ts";

/** How a terminal shows a weight: as a background in 24-bit or 256 colours, or as a number. */
export type Shading = "rgb" | "256" | "numbers";

/** @param colours bits of colour that a terminal has, as `getColorDepth` says; 1 where there is none. */
export function shadingOf(colours: number): Shading {
  if (colours >= 24) return "rgb";
  return colours >= 8 ? "256" : "numbers";
}

/** Weights below this are not worth a shade. */
const LEAST = 0.005;
/** Tokens of a text that are shown, at most. */
const MOST = 400;
/** From pale to deep, as in the pictures. */
const PALE: Rgb = [255, 237, 213];
const DEEP: Rgb = [154, 52, 18];
/** The same in the 6 x 6 x 6 colours. */
const STEPS = [230, 223, 216, 209, 202, 166, 130, 94] as const;

type Rgb = readonly [red: number, green: number, blue: number];

/**
 * A text on one line, each token shaded by the square root of its weight, so that small ones show; the token that looks is underlined, or in
 * brackets where weights are numbers. Of a long text what lies before that token is shown.
 */
export function shadeText(
  { tokens, gaps }: { readonly tokens: readonly string[]; readonly gaps: readonly string[] },
  weights: ArrayLike<number>,
  query: number,
  shading: Shading,
): string {
  const { from, to } = excerptAround(tokens.length, query, MOST);
  const shaded = tokens.slice(from, to).map((token, n) => {
    const line = oneLine(token);
    // Tokens of a model carry the space before them.
    const word = line.trimStart();
    const gap = n === 0 ? "" : oneLine(gaps[from + n] ?? "") + line.slice(0, line.length - word.length);
    return gap + shadeToken(word, weights[from + n]!, from + n === query, shading);
  });
  return `${from > 0 ? "\u2026 " : ""}${shaded.join("")}${to < tokens.length ? " \u2026" : ""}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}

function shadeToken(token: string, weight: number, isQuery: boolean, shading: Shading): string {
  const shown = weight >= LEAST;
  if (shading === "numbers") {
    const named = isQuery ? `[${token}]` : token;
    return shown ? `${named}(${weight.toFixed(2)})` : named;
  }
  const line = isQuery ? "\u001B[4m" : "";
  if (!shown) return isQuery ? `${line}${token}\u001B[0m` : token;
  const strength = Math.sqrt(Math.min(1, weight));
  const text = strength > 0.6 ? "97" : "30";
  return `${line}\u001B[${text};48;${background(strength, shading)}m${token}\u001B[0m`;
}

function background(strength: number, shading: "rgb" | "256"): string {
  if (shading === "256") return `5;${STEPS[Math.min(STEPS.length - 1, Math.floor(strength * STEPS.length))]}`;
  return `2;${PALE.map((pale, n) => Math.round(pale + strength * (DEEP[n]! - pale))).join(";")}`;
}
