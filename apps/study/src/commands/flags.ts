import type { ArgDef } from "citty";
import { UsageError } from "../settings/usage-error.ts";

/** The flags of a command line, by the names that the command knows. */
export interface Flags<Name extends string> {
  /** As it was written, or its default; undefined when it is absent and has none. */
  text(name: Name): string | undefined;
  /** Of a switch. */
  isOn(name: Name): boolean;
}

/**
 * @param args What citty made of the command line.
 * @throws UsageError when a flag is not one of the command's, has no value, or when something stands there that is no flag.
 */
export function readFlags<Name extends string>(
  args: Readonly<Record<string, unknown>>,
  known: Readonly<Record<Name, ArgDef>>,
): Flags<Name> {
  const names = Object.keys(known) as Name[];
  const flags = new Set<string>(names.flatMap((name) => [name, camelCase(name)]));
  for (const name of Object.keys(args)) {
    if (name !== "_" && !flags.has(name)) throw new UsageError(`there is no --${name}; --help lists what there is`);
  }
  const stray = args["_"];
  if (Array.isArray(stray) && stray.length > 0) throw new UsageError(`expected only flags, got "${stray.join(" ")}"`);
  for (const name of names) {
    if (known[name].type !== "boolean" && args[name] === "") throw new UsageError(`--${name} expects a value`);
  }
  return {
    text: (name) => (typeof args[name] === "string" ? args[name] : undefined),
    isOn: (name) => args[name] === true,
  };
}

/** @throws UsageError unless the text is a whole number of at least `least`. */
export function wholeNumber(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw new UsageError(`--${flag} expects a whole number of at least ${least}, got "${text}"`);
}

/** @throws UsageError unless the text is a positive number. */
export function positiveNumber(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`--${flag} expects a positive number, got "${text}"`);
}

/** @throws UsageError unless the text is one of the names. */
export function oneOf<T extends string>(flag: string, text: string, names: readonly T[]): T {
  const name = names.find((each) => each === text);
  if (name !== undefined) return name;
  throw new UsageError(`--${flag} expects ${names.join(", ")}, got "${text}"`);
}

/** The parts of a list with commas. @throws UsageError when a part is empty. */
export function listOf(flag: string, text: string): string[] {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.every((part) => part !== "")) return parts;
  throw new UsageError(`--${flag} expects values with commas between them, got "${text}"`);
}

function camelCase(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
