import { ENTRIES } from "./entries/all-entries.ts";
import type { Entry } from "./entry.ts";
import { nearest } from "./nearest-name.ts";
import type { VariantOption, VariantSpec } from "./variant-spec.ts";

/**
 * Reads a variant as command lines and files write it: `name[:main][:option=value...]`, where `main` is the value of the option that the
 * catalogue calls the main one. Whole numbers may end in k or m (powers of 1024): `window:4k:sinks=4`.
 *
 * @throws RangeError in one line, naming what was read and what there is.
 * @example parseVariant("window:1024:sinks=4") // { variant: "window", options: { window: 1024, sinks: 4 } }
 */
export function parseVariant(text: string): VariantSpec {
  const [name = "", ...parts] = text.trim().split(":");
  const entry = entryNamed(name);
  const options: Record<string, number | string> = {};
  for (const [at, part] of parts.entries()) {
    const equals = part.indexOf("=");
    const option = equals === -1 ? mainOf(entry, part, at) : part.slice(0, equals);
    if (Object.hasOwn(options, option)) throw new RangeError(`variant "${text}": ${option} is given twice`);
    options[option] = readValue(entry, option, part.slice(equals + 1));
  }
  return canonical(entry, options);
}

/** The one text of these settings: `window:1024:sinks=4`. Equal settings have equal ids. @throws RangeError as `parseVariant` does. */
export function variantId(spec: VariantSpec): string {
  const entry = entryNamed(spec.variant);
  const { options } = canonical(entry, spec.options);
  const parts = Object.entries(options).map(([name, value]) =>
    name === entry.main ? `:${value}` : `:${name}=${value}`,
  );
  return `${entry.name}${parts.join("")}`;
}

/** @throws RangeError that names what there is. */
export function entryNamed(name: string): Entry {
  const entry = ENTRIES.find((each) => each.name === name);
  if (entry !== undefined) return entry;
  const names = ENTRIES.map((each) => each.name);
  throw new RangeError(`there is no variant "${name}"${whatThereIs(name, names)}`);
}

/** All options, those that were not given with their defaults. */
export function filledIn(entry: Entry, { options }: VariantSpec): Readonly<Record<string, number | string>> {
  return Object.fromEntries(Object.entries(entry.options).map(([name, o]) => [name, options[name] ?? o.default]));
}

/** Checked, in the catalogue's order: the main option and those that differ from their defaults. */
function canonical(entry: Entry, given: VariantSpec["options"]): VariantSpec {
  for (const [name, value] of Object.entries(given)) checkValue(entry, name, value);
  const options: Record<string, number | string> = {};
  const names = Object.keys(entry.options);
  for (const name of names.toSorted((a, b) => Number(b === entry.main) - Number(a === entry.main))) {
    const { default: otherwise } = optionOf(entry, name);
    const value = given[name] ?? otherwise;
    if (name === entry.main || value !== otherwise) options[name] = value;
  }
  return { variant: entry.name, options };
}

function mainOf(entry: Entry, part: string, at: number): string {
  const names = Object.keys(entry.options);
  if (entry.main === undefined || at > 0) {
    const what = names.length === 0 ? "no options" : `options as name=value: ${names.join(", ")}`;
    throw new RangeError(`variant "${entry.name}" takes ${what}; got "${part}"`);
  }
  return entry.main;
}

function optionOf(entry: Entry, name: string): VariantOption {
  const option = Object.hasOwn(entry.options, name) ? entry.options[name] : undefined;
  if (option !== undefined) return option;
  const names = Object.keys(entry.options);
  throw new RangeError(`variant "${entry.name}" has no option "${name}"${whatThereIs(name, names)}`);
}

function readValue(entry: Entry, name: string, text: string): number | string {
  const option = optionOf(entry, name);
  if (option.words !== undefined) return text;
  const [, digits, unit] = /^(-?\d+(?:\.\d+)?)([km]?)$/i.exec(text) ?? [];
  if (digits === undefined) throw new RangeError(refusal(entry, name, text, option));
  return Number(digits) * ({ k: 2 ** 10, m: 2 ** 20 }[unit?.toLowerCase() ?? ""] ?? 1);
}

function checkValue(entry: Entry, name: string, value: number | string): void {
  const option = optionOf(entry, name);
  const { words, least = 0, most = 2 ** 30, fractions = false } = option;
  if (words !== undefined ? typeof value === "string" && words.includes(value) : isNumber(value)) return;
  throw new RangeError(refusal(entry, name, value, option));

  function isNumber(number: number | string): boolean {
    if (typeof number !== "number" || !(number >= least && number <= most)) return false;
    return fractions || Number.isInteger(number);
  }
}

function refusal(entry: Entry, name: string, value: number | string, option: VariantOption): string {
  const { words, least = 0, most = 2 ** 30, fractions = false } = option;
  const end = most === 2 ** 30 ? "2^30" : most;
  const expected =
    words === undefined ? `${fractions ? "a number" : "an integer"} in ${least}..${end}` : words.join(" or ");
  return `variant "${entry.name}": ${name} is "${value}", expected ${expected}`;
}

function whatThereIs(name: string, names: readonly string[]): string {
  if (names.length === 0) return "; it has none";
  const near = nearest(name, names);
  const list = names.join(", ");
  return near === undefined ? `; there are ${list}` : `; did you mean "${near}"? There are ${list}`;
}
