import { readFileSync } from "node:fs";
import { basename, dirname, extname, isAbsolute, join } from "node:path";
import type { Candidate } from "@saccade/advisor";
import type { Grid, StudyHeader } from "../cells/record.ts";
import { hashOf } from "../grid/canonical.ts";
import { cellsOf } from "../grid/grid.ts";
import type { Input, InputSpec } from "../input/input.ts";
import { openInput } from "../input/open-input.ts";
import { defaultText } from "../text/default-text.ts";
import { variantNamed } from "../variants/variants.ts";
import { inputIdentity } from "./input-identity.ts";
import { parseLength } from "./lengths.ts";
import { type LoadedStudy, loadStudyFile } from "./load-study-file.ts";
import { type Preset, PRESETS } from "./presets.ts";
import type { InputSettings } from "./study-file.ts";
import { UsageError } from "./usage-error.ts";

/** Everything a study needs to run. */
export interface Study {
  /** What its folder is called when nobody names one: a preset, or a file. */
  readonly kind: string;
  readonly name: string | undefined;
  readonly grid: Grid;
  readonly gridHash: string;
  readonly variants: ReadonlyMap<string, Candidate>;
  /** How the inputs of the grid are made here. */
  readonly inputs: ReadonlyMap<string, { readonly spec: InputSpec; readonly input: Input }>;
  /** The file with variants of its own, for processes of cells. */
  readonly module: string | undefined;
}

/** Settings from a file, or from flags, which go before. */
export type StudySettings = LoadedStudy["settings"];

/**
 * What flags, a file and a preset say together.
 *
 * @param asked What the flags say; each goes before the same of the file, and that before the preset's.
 * @throws UsageError when settings do not go together, Error when an input cannot be read.
 */
export async function readStudy(file: string | undefined, asked: StudySettings): Promise<Study> {
  const { settings: filed, own } = file === undefined ? NO_FILE : await loadStudyFile(file);
  const presetName = asked.preset ?? filed.preset ?? "quick";
  const preset = PRESETS[presetName];
  const variants = new Map(
    (asked.variants ?? filed.variants ?? preset.variants).map((text) => {
      const variant = variantNamed(text, own);
      return [variant.id, variant];
    }),
  );
  const folder = file === undefined ? "." : dirname(file);
  const inputs = openInputs(asked.inputs, filed.inputs, preset, folder);
  const grid: Grid = {
    variants: [...variants.keys()],
    lengths: lengthsOf(
      asked.lengths ?? filed.lengths,
      preset,
      [...inputs.values()].map(({ input }) => input),
    ),
    inputs: Object.fromEntries(Array.from(inputs, ([name, { spec, input }]) => [name, inputIdentity(spec, input)])),
    runtimes: [...new Set(asked.runtimes ?? filed.runtimes ?? ["auto" as const])],
    causal: true,
    seed: asked.seed ?? filed.seed ?? 1,
    measure: { ...preset.measure, ...defined(filed.measure), ...defined(asked.measure) },
    ...(own.size === 0 ? {} : { ownVariants: hashOf(readFileSync(file!, "utf8")) }),
  };
  if (cellsOf(grid).length === 0) throw new UsageError(`no input has as many tokens as ${grid.lengths[0]}`);
  return {
    kind: file === undefined ? presetName : basename(file, extname(file)),
    name: asked.name ?? filed.name,
    grid,
    gridHash: hashOf(grid),
    variants,
    inputs,
    module: own.size === 0 ? undefined : file,
  };
}

/** The first line of a study's records. */
export function headerOf(study: Study, name: string): StudyHeader {
  return {
    record: "study",
    version: 2,
    name,
    gridHash: study.gridHash,
    grid: study.grid,
    variants: Object.fromEntries(
      Array.from(study.variants, ([id, { description, family, packageName, needsTraining, exact }]) => [
        id,
        { description, family, packageName, needsTraining, exact },
      ]),
    ),
    inputs: Object.fromEntries(
      Array.from(study.inputs, ([id, { input }]) => {
        const { description, heads, kvHeads, headDim, valueDim } = input;
        return [id, { description, heads, kvHeads, headDim, valueDim }];
      }),
    ),
  };
}

const NO_FILE: LoadedStudy = { settings: {}, own: new Map() };

type Opened = ReadonlyMap<string, { readonly spec: InputSpec; readonly input: Input }>;

function openInputs(
  asked: StudySettings["inputs"],
  filed: StudySettings["inputs"],
  preset: Preset,
  folder: string,
): Opened {
  const [inputs, base] = asked === undefined ? [filed ?? { text: { kind: "text" } as const }, folder] : [asked, "."];
  return new Map(
    Object.entries(inputs).map(([name, settings]) => {
      const spec = inputSpec(name, settings, preset, base);
      return [name, { spec, input: openInput(spec) }];
    }),
  );
}

function inputSpec(name: string, settings: InputSettings, preset: Preset, folder: string): InputSpec {
  const at = (file: string): string => (isAbsolute(file) ? file : join(folder, file));
  if (settings.kind === "safetensors") {
    return { kind: "safetensors", file: at(settings.file), layer: settings.layer };
  }
  const heads = settings.heads ?? preset.heads;
  // With only the heads given: as many key heads as the preset has, or as divide.
  const kvHeads = settings.kvHeads ?? divisor(heads, preset.kvHeads);
  if (heads % kvHeads !== 0) {
    throw new UsageError(`input ${name}: ${kvHeads} key heads do not divide ${heads} query heads`);
  }
  const sizes = { heads, kvHeads, headDim: settings.headDim ?? preset.headDim };
  if (settings.kind === "gaussian") return { kind: "gaussian", ...sizes, seed: settings.seed ?? 1 };
  const { tokens = "bytes", ngram = tokens === "bytes" ? 8 : 4, file } = settings;
  return { kind: "text", file: file === undefined ? defaultText() : at(file), tokens, ngram, ...sizes };
}

/** The greatest one up to a bound. */
function divisor(of: number, atMost: number): number {
  let found = Math.min(of, atMost);
  while (of % found !== 0) found--;
  return found;
}

/** Ascending. Those of a preset as far as an input goes, and all of a capture that ends before the last. */
function lengthsOf(asked: StudySettings["lengths"], preset: Preset, inputs: readonly Input[]): number[] {
  const longest = Math.max(...inputs.map(({ maxLength }) => maxLength));
  const lengths = asked?.map(readLength) ?? preset.lengths.filter((length) => length <= longest);
  if (asked === undefined && longest < preset.lengths.at(-1)!) lengths.push(longest);
  const tooLong = lengths.find((length) => length > longest);
  if (tooLong === undefined) return [...new Set(lengths)].toSorted((a, b) => a - b);
  throw new UsageError(`length ${tooLong} is more than the ${longest} tokens that there are`);
}

function readLength(given: number | string): number {
  const length = typeof given === "number" ? given : parseLength(given);
  if (length !== undefined) return length;
  throw new UsageError(`expected a length such as 512 or 4k, got "${given}"`);
}

function defined<T extends object>(settings: T | undefined): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(settings ?? {}).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>;
  };
}
