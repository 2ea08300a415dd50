import type { Candidate } from "@saccade/advisor";
import type { MeasureSettings } from "../cells/record.ts";
import type { PresetName } from "./presets.ts";

/** A study as a file says it, `study.json` or the default export of a `study.ts`. What is left out comes from the preset. */
export interface StudyFile {
  /** For editors; `node_modules/@saccade/study/study.schema.json`. */
  readonly $schema?: string | undefined;
  /** Its results go to a folder of that name. Default: the file's name and the time. */
  readonly name?: string | undefined;
  /** Default "quick". */
  readonly preset?: PresetName | undefined;
  /** As the catalogue writes them, `window:1024:sinks=4`; in a module also variants of one's own. */
  readonly variants?: readonly (string | Candidate)[] | undefined;
  /** Tokens: 512, or "4k" and "1m" in powers of 1024. */
  readonly lengths?: readonly (number | string)[] | undefined;
  /** Where queries, keys and values come from, by names of one's own. */
  readonly inputs?: Readonly<Record<string, InputSettings>> | undefined;
  readonly runtimes?: readonly ("auto" | "native" | "wasm" | "reference")[] | undefined;
  readonly seed?: number | undefined;
  readonly measure?: { readonly [Name in keyof MeasureSettings]?: MeasureSettings[Name] | undefined } | undefined;
}

/** Heads of inputs that are made, by default those of the preset. */
interface HeadSettings {
  readonly heads?: number | undefined;
  readonly kvHeads?: number | undefined;
  readonly headDim?: number | undefined;
}

export type InputSettings =
  | (HeadSettings & {
      readonly kind: "text";
      /** Relative to the study's file. Default: the declarations of browser interfaces that come with TypeScript. */
      readonly file?: string | undefined;
      /** Default "bytes". */
      readonly tokens?: "bytes" | "words" | undefined;
      /** Tokens that induction heads match. Default 8 bytes or 4 words. */
      readonly ngram?: number | undefined;
    })
  | (HeadSettings & { readonly kind: "gaussian"; readonly seed?: number | undefined })
  | {
      readonly kind: "safetensors";
      /** Relative to the study's file. */
      readonly file: string;
      readonly layer?: string | undefined;
    };

/**
 * Says what a module's default export is, for the types.
 *
 * @example export default defineStudy({ variants: ["dense", mine], lengths: ["1k", "8k"] });
 */
export function defineStudy(study: StudyFile): StudyFile {
  return study;
}
