import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Appearance } from "../appearance.ts";

const { document } = parseHTML("<html><body></body></html>");

/**
 * Draws a plot as text of an `svg` element for a page: an image with a description. Colours of text and background are the page's.
 *
 * @param description Read out in place of the image.
 */
export function drawSvg(options: Plot.PlotOptions, description: string): string {
  const drawn = plotted(options);
  drawn.setAttribute("role", "img");
  drawn.setAttribute("aria-label", description);
  return textOf(drawn);
}

function plotted(options: Plot.PlotOptions): Element {
  return Plot.plot({ document, className: "plot", ...options });
}

function textOf(drawn: Element): string {
  // In a page neither is needed: the page has the styles of all of its plots, and the parser knows what an svg element is.
  for (const style of drawn.querySelectorAll("style")) style.remove();
  return drawn.outerHTML.replaceAll(/ xmlns(:xlink)?="[^"]*"/g, "");
}

const keys = new Map<string, string>();

/** How a series is drawn in legends: a short line through its symbol. */
export function legendKey(look: Appearance): string {
  const name = JSON.stringify(look);
  const key = keys.get(name) ?? drawKey(look);
  keys.set(name, key);
  return key;
}

function drawKey(look: Appearance): string {
  const drawn = plotted({
    width: 34,
    height: 14,
    margin: 0,
    axis: null,
    x: { domain: [0, 1], range: [0, 34] },
    y: { domain: [0, 1], range: [14, 0] },
    marks: [
      Plot.line([0.05, 0.95], { x: (x: number) => x, y: 0.5, ...lineStyle(look) }),
      Plot.dot([0.5], { x: (x: number) => x, y: 0.5, ...dotStyle(look) }),
    ],
  });
  // The name stands beside it.
  drawn.setAttribute("aria-hidden", "true");
  return textOf(drawn);
}

export function lineStyle({ color, dashes }: Appearance): {
  stroke: string;
  strokeWidth: number;
  strokeDasharray?: string;
} {
  return { stroke: color, strokeWidth: 1.75, ...(dashes === undefined ? {} : { strokeDasharray: dashes }) };
}

export function dotStyle({ color, symbol, hollow }: Appearance): {
  symbol: Plot.SymbolType;
  fill: string;
  stroke: string;
  strokeWidth: number;
  r: number;
} {
  return { symbol, fill: hollow ? "var(--page)" : color, stroke: color, strokeWidth: 1.5, r: 3.6 };
}

/** A thin line between two places in pixels, from what is named to its name. */
export function leaderLine(
  from: readonly [number, number],
  to: readonly [number, number],
  color: string,
): Plot.RenderFunction {
  return (_index, _scales, _channels, _dimensions, context) => {
    const line = context.document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", `M${[from, to].map((place) => place.map((pixel) => pixel.toFixed(1)).join(",")).join("L")}`);
    line.setAttribute("stroke", color);
    line.setAttribute("stroke-width", "0.75");
    line.setAttribute("fill", "none");
    return line;
  };
}
