import { readFileSync } from "node:fs";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Candidate } from "@saccade/advisor";
import { checkStudyFile } from "./check-study-file.ts";
import type { StudyFile } from "./study-file.ts";
import { UsageError } from "./usage-error.ts";

/** A study's file, and the variants that it defines itself. */
export interface LoadedStudy {
  readonly settings: Omit<StudyFile, "variants"> & { readonly variants?: readonly string[] | undefined };
  /** By id. */
  readonly own: ReadonlyMap<string, Candidate>;
}

const MODULES = [".ts", ".mts", ".js", ".mjs"];

/**
 * Reads `study.json`, or imports a module whose default export is a study. Modules may define variants: objects that are `Candidate`s.
 *
 * @throws UsageError naming the file and what is wrong with it.
 */
export async function loadStudyFile(file: string): Promise<LoadedStudy> {
  const value = MODULES.includes(extname(file)) ? await importDefault(file) : readJson(file);
  if (typeof value !== "object" || value === null)
    throw new UsageError(`${file}: expected a study, got ${typeof value}`);
  const { variants, ...rest } = value as { variants?: unknown };
  if (!Array.isArray(variants)) return { settings: withoutCandidates(checkStudyFile(file, value)), own: new Map() };
  const own = new Map<string, Candidate>();
  const names = variants.map((each: unknown) => {
    if (!isCandidate(each)) return each;
    own.set(each.id, each);
    return each.id;
  });
  return { settings: withoutCandidates(checkStudyFile(file, { ...rest, variants: names })), own };
}

function withoutCandidates(study: StudyFile): LoadedStudy["settings"] {
  return { ...study, variants: study.variants?.map((each) => (typeof each === "string" ? each : each.id)) };
}

function isCandidate(value: unknown): value is Candidate {
  const { id, plan, forward, decoder } = Object(value) as Partial<Candidate>;
  return typeof id === "string" && [plan, forward, decoder].every((each) => typeof each === "function");
}

async function importDefault(file: string): Promise<unknown> {
  try {
    const module = (await import(pathToFileURL(resolve(file)).href)) as { default?: unknown };
    return module.default;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason =
      code === "ERR_UNKNOWN_FILE_EXTENSION" ? "this Node reads no TypeScript (22.18 and later do); use .mjs" : message;
    throw new UsageError(`${file}: ${reason.split("\n")[0]}`, { cause: error });
  }
}

function readJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file}: is not JSON: ${(error as Error).message}`, { cause: error });
  }
}
