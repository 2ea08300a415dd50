import * as blockSparse from "@saccade/block-sparse";
import * as chunked from "@saccade/chunked";
import * as core from "@saccade/core";
import * as linear from "@saccade/linear";
import * as positions from "@saccade/positions";
import * as slidingWindow from "@saccade/sliding-window";

/** Where the functions are that constructions call. */
const PACKAGES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "@saccade/core": core,
  "@saccade/sliding-window": slidingWindow,
  "@saccade/chunked": chunked,
  "@saccade/block-sparse": blockSparse,
  "@saccade/linear": linear,
  "@saccade/positions": positions,
};

/** What constructions may depend on. */
export interface HeadSizes {
  /** H */
  readonly heads: number;
  /** G */
  readonly kvHeads: number;
  /** D */
  readonly headDim: number;
}

/** A value that depends on the sizes of heads, and its text over `heads`, `kvHeads` and `headDim`. */
export interface BySizes {
  readonly text: string;
  readonly of: (sizes: HeadSizes) => unknown;
}

/** One of the packages' functions called with options (left out when there are none). Made of it are both the variant and its code. */
export interface Construction {
  readonly call: string;
  readonly options: Readonly<Record<string, Argument>>;
}

export type Argument = number | boolean | string | readonly number[] | BySizes | Construction | Options;

/** Options inside options. */
export interface Options {
  readonly options: Readonly<Record<string, Argument>>;
}

/** A call of a package's function. */
export function construct(call: string, options: Construction["options"] = {}): Construction {
  return { call, options };
}

/** Calls it. The caller knows what the function returns. */
export function constructed(construction: Construction, sizes: HeadSizes): unknown {
  const make = functionNamed(construction.call);
  const { options } = construction;
  return Object.keys(options).length === 0 ? make() : make(valueOf({ options }, sizes));
}

/** Whether it is another one for other heads. */
export function dependsOnSizes(argument: Argument): boolean {
  if (typeof argument !== "object" || isList(argument)) return false;
  return "text" in argument || Object.values(argument.options).some(dependsOnSizes);
}

/** JavaScript over `heads`, `kvHeads` and `headDim`, as `lightning({ slopes: lightningSlopes(kvHeads, { layer: 0, layers: 1 }) })`. */
export function textOf(argument: Argument): string {
  if (typeof argument !== "object") return JSON.stringify(argument);
  if (isList(argument)) return `[${argument.join(", ")}]`;
  if ("text" in argument) return argument.text;
  const members = Object.entries(argument.options).map(([name, value]) => `${name}: ${textOf(value)}`);
  const options = members.length === 0 ? "" : `{ ${members.join(", ")} }`;
  return "call" in argument ? `${argument.call}(${options})` : options;
}

/** Names to import, by package, in the order in which the text has them. */
export function importsOf(construction: Construction): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const text = textOf(construction);
  for (const [name] of text.matchAll(/[A-Za-z_]\w*/g)) {
    const home = homeOf(name);
    if (home === undefined || !text.includes(`${name}(`)) continue;
    const names = found.get(home) ?? [];
    if (!names.includes(name)) found.set(home, [...names, name]);
  }
  return found;
}

function functionNamed(name: string): (options?: unknown) => unknown {
  const made = PACKAGES[homeOf(name) ?? ""]?.[name];
  if (typeof made !== "function") throw new Error(`no package has a function ${name}`);
  return made as (options?: unknown) => unknown;
}

function homeOf(name: string): string | undefined {
  return Object.keys(PACKAGES).find((home) => Object.hasOwn(PACKAGES[home]!, name));
}

function valueOf(argument: Argument, sizes: HeadSizes): unknown {
  if (typeof argument !== "object" || isList(argument)) return argument;
  if ("text" in argument) return argument.of(sizes);
  if ("call" in argument) return constructed(argument, sizes);
  return Object.fromEntries(Object.entries(argument.options).map(([name, value]) => [name, valueOf(value, sizes)]));
}

function isList(argument: Argument): argument is readonly number[] {
  return Array.isArray(argument);
}
