import type { ArgDef } from "citty";
import type { HeadSizes, InputSpec } from "../input/input.ts";
import { openInput } from "../input/open-input.ts";
import { PRESETS, type Preset, type PresetName, type StudyOptions } from "../study/options.ts";
import { SYSTEMS, systemNamed } from "../system/systems.ts";
import { defaultText } from "../text/default-text.ts";
import { type Flags, listOf, oneOf, positiveNumber, UsageError, wholeNumber } from "./flags.ts";

const presetNames = Object.keys(PRESETS) as PresetName[];

export type StudyFlag =
  | "preset"
  | "lengths"
  | "systems"
  | "input"
  | "text"
  | "tokens"
  | "ngram"
  | "qkv"
  | "layer"
  | "seed"
  | "heads"
  | "kv-heads"
  | "head-dim"
  | "causal"
  | "runtime"
  | "threads"
  | "repeats"
  | "cell-seconds"
  | "call-seconds"
  | "memory"
  | "out";

/** Flags of `saccade study`. Values are checked here, not by citty, so that every message says what was expected. */
export const STUDY_ARGS: Readonly<Record<StudyFlag, ArgDef>> = {
  preset: {
    type: "string",
    default: "start",
    valueHint: presetNames.join("|"),
    description: "lengths, systems, heads and limits together",
  },
  lengths: { type: "string", valueHint: "512,4k,1m", description: "tokens; k and m count in powers of 1024" },
  systems: {
    type: "string",
    valueHint: SYSTEMS.map((system) => system.name).join(","),
    description: "what to measure; dense always runs first on text",
  },
  input: { type: "string", default: "text", valueHint: "text|gaussian", description: "where q, k and v come from" },
  text: { type: "string", valueHint: "FILE", description: "text to use instead of TypeScript's browser declarations" },
  tokens: { type: "string", default: "bytes", valueHint: "bytes|words", description: "tokens of the text" },
  ngram: { type: "string", valueHint: "N", description: "tokens that induction heads match (bytes: 8, words: 4)" },
  qkv: { type: "string", valueHint: "FILE.safetensors", description: "captured q, k and v" },
  layer: { type: "string", valueHint: "NAME", description: "layer of the capture, NAME.q and so on" },
  seed: { type: "string", default: "1", valueHint: "N", description: "of --input gaussian" },
  heads: { type: "string", valueHint: "H", description: "query heads" },
  "kv-heads": { type: "string", valueHint: "G", description: "key heads, which divide the query heads" },
  "head-dim": { type: "string", valueHint: "D", description: "width of queries, keys and values" },
  causal: {
    type: "boolean",
    default: true,
    negativeDescription: "let queries see later keys",
    description: "hide later keys",
  },
  runtime: {
    type: "string",
    default: "auto",
    valueHint: "auto|native|wasm|reference",
    description: "runtime of Saccade's own systems",
  },
  threads: { type: "string", valueHint: "N", description: "threads at most (all cores)" },
  repeats: { type: "string", valueHint: "N", description: "timed calls at most" },
  "cell-seconds": { type: "string", valueHint: "S", description: "seconds of timed calls per length and system" },
  "call-seconds": { type: "string", valueHint: "S", description: "skip what would take longer than this a call" },
  memory: { type: "string", valueHint: "GB", description: "skip what would hold more (what is free)" },
  out: { type: "string", default: "results", valueHint: "FOLDER", description: "where JSON lines and the report go" },
};

/** @throws UsageError on the first flag that is wrong; Error when an input cannot be read. */
export function studyOptions(flags: Flags<StudyFlag>): StudyOptions {
  const preset = PRESETS[oneOf("preset", flags.text("preset")!, presetNames)];
  const input = inputSpec(flags, preset);
  const [lengths, systems, threads, repeats, memory] = (
    ["lengths", "systems", "threads", "repeats", "memory"] as const
  ).map((name) => flags.text(name));
  return {
    input,
    lengths: lengths === undefined ? presetLengths(preset, input) : lengthsFrom(lengths),
    systems: systems === undefined ? preset.systems : systemNames(systems),
    causal: flags.isOn("causal"),
    runtime: oneOf("runtime", flags.text("runtime")!, ["auto", "native", "wasm", "reference"]),
    threads: threads === undefined ? undefined : wholeNumber("threads", threads, 1),
    repeats: repeats === undefined ? preset.repeats : wholeNumber("repeats", repeats, 1),
    cellSeconds: numberOr(flags, "cell-seconds", preset.cellSeconds),
    callSeconds: numberOr(flags, "call-seconds", preset.callSeconds),
    memoryBytes: memory === undefined ? undefined : positiveNumber("memory", memory) * 1e9,
  };
}

function inputSpec(flags: Flags<StudyFlag>, preset: Preset): InputSpec {
  const qkv = flags.text("qkv");
  if (qkv !== undefined) {
    refuse(flags, ["text", "ngram", "heads", "kv-heads", "head-dim"], "--qkv, which brings its own");
    return { kind: "safetensors", file: qkv, layer: flags.text("layer") };
  }
  refuse(flags, ["layer"], "an input other than --qkv");
  const sizes = headSizes(flags, preset);
  if (oneOf("input", flags.text("input")!, ["text", "gaussian"]) === "gaussian") {
    refuse(flags, ["text", "ngram"], "--input gaussian");
    return { kind: "gaussian", ...sizes, seed: wholeNumber("seed", flags.text("seed")!, 0) };
  }
  const tokens = oneOf("tokens", flags.text("tokens")!, ["bytes", "words"]);
  const ngram = flags.text("ngram") ?? (tokens === "bytes" ? "8" : "4");
  const file = flags.text("text") ?? defaultText();
  return { kind: "text", file, tokens, ngram: wholeNumber("ngram", ngram, 1), ...sizes };
}

function refuse(flags: Flags<StudyFlag>, names: readonly StudyFlag[], beside: string): void {
  for (const name of names) {
    if (flags.text(name) !== undefined) throw new UsageError(`--${name} does not go with ${beside}`);
  }
}

function headSizes(flags: Flags<StudyFlag>, preset: Preset): HeadSizes {
  const [headDim, heads, kvHeads] = (["head-dim", "heads", "kv-heads"] as const).map((name) => flags.text(name));
  const queryHeads = heads === undefined ? preset.heads : wholeNumber("heads", heads, 1);
  const sizes: HeadSizes = {
    headDim: headDim === undefined ? preset.headDim : wholeNumber("head-dim", headDim, 8),
    heads: queryHeads,
    // With only --heads given: as many key heads as the preset has, or as divide.
    kvHeads: kvHeads === undefined ? divisor(queryHeads, preset.kvHeads) : wholeNumber("kv-heads", kvHeads, 1),
  };
  if (sizes.heads % sizes.kvHeads !== 0) {
    throw new UsageError(`--kv-heads ${sizes.kvHeads} does not divide --heads ${sizes.heads}`);
  }
  return sizes;
}

/** The greatest one up to a bound. */
function divisor(of: number, atMost: number): number {
  let candidate = Math.min(of, atMost);
  while (of % candidate !== 0) candidate--;
  return candidate;
}

/** A preset's lengths as far as the input goes, and all of a capture that ends before the last. */
function presetLengths(preset: Preset, spec: InputSpec): readonly number[] {
  const { maxLength } = openInput(spec);
  const lengths = preset.lengths.filter((length) => length <= maxLength);
  if (spec.kind === "safetensors" && lengths.length < preset.lengths.length && lengths.at(-1) !== maxLength) {
    lengths.push(maxLength);
  }
  if (lengths.length > 0) return lengths;
  throw new UsageError(`the input has ${maxLength} tokens, the preset starts at ${preset.lengths[0]}; name --lengths`);
}

function lengthsFrom(text: string): number[] {
  const lengths = listOf("lengths", text).map((part) => {
    const [, count, unit] = /^(\d+)([km]?)$/i.exec(part) ?? [];
    if (count === undefined) throw new UsageError(`--lengths expects sizes such as 512 or 4k, got "${part}"`);
    const factor = unit === "" ? 1 : unit!.toLowerCase() === "k" ? 2 ** 10 : 2 ** 20;
    return wholeNumber("lengths", count, 1) * factor;
  });
  return [...new Set(lengths)].toSorted((a, b) => a - b);
}

function systemNames(text: string): string[] {
  const names = [...new Set(listOf("systems", text))];
  for (const name of names) {
    try {
      systemNamed(name);
    } catch (error) {
      throw new UsageError(`--systems: ${(error as Error).message}`, { cause: error });
    }
  }
  return names;
}

function numberOr(flags: Flags<StudyFlag>, name: StudyFlag, otherwise: number): number {
  const text = flags.text(name);
  return text === undefined ? otherwise : positiveNumber(name, text);
}
