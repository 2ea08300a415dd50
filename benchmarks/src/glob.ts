import { matchesGlob } from "node:path";

/** Whether one of the globs (`*`, `?`, `{a,b}`, `[...]`) matches the whole name; no globs match everything. */
export function matchesAny(name: string, globs: readonly string[] | undefined): boolean {
  return globs === undefined || globs.length === 0 || globs.some((glob) => matchesGlob(name, glob));
}
