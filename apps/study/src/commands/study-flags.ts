import type { ArgDef } from "citty";
import type { TaskName } from "../cells/record.ts";
import type { Shard } from "../grid/shard.ts";
import { parseLength } from "../settings/lengths.ts";
import { PRESETS, type PresetName } from "../settings/presets.ts";
import type { StudySettings } from "../settings/study.ts";
import type { InputSettings } from "../settings/study-file.ts";
import { UsageError } from "../settings/usage-error.ts";
import { type Flags, listOf, oneOf, positiveNumber, wholeNumber } from "./flags.ts";

const presetNames = Object.keys(PRESETS) as PresetName[];
const INPUTS = ["text", "gaussian"] as const;
const RUNTIMES = ["auto", "native", "wasm", "reference"] as const;
const TASKS: readonly TaskName[] = ["single", "multi-key", "multi-value", "variable-tracking"];

export type StudyFlag =
  | "file"
  | "preset"
  | "variants"
  | "lengths"
  | "input"
  | "text"
  | "tokens"
  | "ngram"
  | "qkv"
  | "layer"
  | "heads"
  | "kv-heads"
  | "head-dim"
  | "runtime"
  | "threads"
  | "seed"
  | "repeats"
  | "time-seconds"
  | "decode-steps"
  | "rows"
  | "needles"
  | "needle-trials"
  | "tasks"
  | "cell-seconds"
  | "memory"
  | "name"
  | "out"
  | "resume"
  | "shard"
  | "json";

/** Flags of `saccade study`. Values are checked here, not by citty, so that every message says what was expected. */
export const STUDY_ARGS: Readonly<Record<StudyFlag, ArgDef>> = {
  file: { type: "positional", required: false, description: "study.json or study.ts; flags go before what it says" },
  preset: {
    type: "string",
    valueHint: presetNames.join("|"),
    description: "variants, lengths, heads and how much is measured together (quick)",
  },
  variants: { type: "string", valueHint: "dense,window:1024", description: "what to measure" },
  lengths: { type: "string", valueHint: "512,4k,1m", description: "tokens; k and m count in powers of 1024" },
  input: { type: "string", valueHint: INPUTS.join(","), description: "where q, k and v come from (text)" },
  text: { type: "string", valueHint: "FILE", description: "text to use instead of TypeScript's browser declarations" },
  tokens: { type: "string", valueHint: "bytes|words", description: "tokens of the text (bytes)" },
  ngram: { type: "string", valueHint: "N", description: "tokens that induction heads match (bytes: 8, words: 4)" },
  qkv: { type: "string", valueHint: "FILE.safetensors", description: "captured q, k and v" },
  layer: { type: "string", valueHint: "NAME", description: "layer of the capture, NAME.q and so on" },
  heads: { type: "string", valueHint: "H", description: "query heads" },
  "kv-heads": { type: "string", valueHint: "G", description: "key heads, which divide the query heads" },
  "head-dim": { type: "string", valueHint: "D", description: "width of queries, keys and values" },
  runtime: { type: "string", valueHint: RUNTIMES.join(","), description: "what variants run on (auto)" },
  threads: { type: "string", valueHint: "N", description: "threads at most (all cores)" },
  seed: { type: "string", valueHint: "N", description: "of random inputs, needles and tasks (1)" },
  repeats: { type: "string", valueHint: "N", description: "timed calls at most" },
  "time-seconds": { type: "string", valueHint: "S", description: "seconds of timed calls" },
  "decode-steps": { type: "string", valueHint: "N", description: "timed steps of the decoder; 0 for none" },
  rows: { type: "string", valueHint: "N", description: "query rows compared with dense in float64; 0 for none" },
  needles: { type: "string", valueHint: "0,0.5,1", description: "depths of needles, or none" },
  "needle-trials": { type: "string", valueHint: "N", description: "needles at each depth" },
  tasks: { type: "string", valueHint: TASKS.join(","), description: "tasks of retrieval, or none" },
  "cell-seconds": { type: "string", valueHint: "S", description: "a cell is stopped after so many seconds" },
  memory: {
    type: "string",
    valueHint: "GB",
    description: "a cell is stopped when it holds more beyond its inputs (what is free)",
  },
  name: { type: "string", valueHint: "NAME", description: "folder of the results (the preset or file, and the time)" },
  out: { type: "string", default: "results", valueHint: "FOLDER", description: "where folders of results are" },
  resume: { type: "boolean", description: "go on with --name, or with the latest study of the same grid" },
  shard: { type: "string", valueHint: "I/N", description: "only the I-th of N parts of the grid" },
  json: { type: "boolean", description: "print study, machines, cells and conclusions as JSON" },
};

/**
 * What the flags ask for, beside the file and the preset.
 *
 * @throws UsageError on the first flag that is wrong.
 */
export function studySettings(flags: Flags<StudyFlag>): StudySettings {
  const list = (flag: StudyFlag): string[] | undefined => read(flags, flag, (text) => listOf(flag, text));
  const count = (flag: StudyFlag, least: number): number | undefined =>
    read(flags, flag, (text) => wholeNumber(flag, text, least));
  const number = (flag: StudyFlag): number | undefined => read(flags, flag, (text) => positiveNumber(flag, text));
  const memory = number("memory");
  return {
    name: read(flags, "name", checkedName),
    preset: read(flags, "preset", (text) => oneOf("preset", text, presetNames)),
    variants: list("variants"),
    lengths: list("lengths")?.map(checkedLength),
    inputs: inputSettings(flags),
    runtimes: list("runtime")?.map((text) => oneOf("runtime", text, RUNTIMES)),
    seed: count("seed", 0),
    measure: {
      timeSeconds: number("time-seconds"),
      repeats: count("repeats", 1),
      decodeSteps: count("decode-steps", 0),
      sampledRows: count("rows", 0),
      needleDepths: listOrNone(list("needles"))?.map(depth),
      needleTrials: count("needle-trials", 1),
      tasks: listOrNone(list("tasks"))?.map((text) => oneOf("tasks", text, TASKS)),
      cellSeconds: number("cell-seconds"),
      cellBytes: memory === undefined ? undefined : memory * 1e9,
      threads: count("threads", 1),
    },
  };
}

/** @throws UsageError unless the text is I/N with 1 <= I <= N. */
export function parseShard(text: string): Shard {
  const [, index, count] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (index !== undefined && count !== undefined && index >= 1 && index <= count) return { index, count };
  throw new UsageError(`--shard expects I/N with I from 1 to N, got "${text}"`);
}

/** Undefined where no flag says anything about inputs. Sizes of heads belong to those that are made. */
function inputSettings(flags: Flags<StudyFlag>): Readonly<Record<string, InputSettings>> | undefined {
  const heads = {
    heads: read(flags, "heads", (text) => wholeNumber("heads", text, 1)),
    kvHeads: read(flags, "kv-heads", (text) => wholeNumber("kv-heads", text, 1)),
    headDim: read(flags, "head-dim", (text) => wholeNumber("head-dim", text, 8)),
  };
  const qkv = flags.text("qkv");
  const asked = read(flags, "input", (text) => listOf("input", text).map((name) => oneOf("input", name, INPUTS)));
  const names: readonly string[] =
    asked ?? (qkv === undefined && SAID.some((flag) => flags.text(flag)) ? ["text"] : []);
  if (!names.includes("text")) refuse(flags, ["text", "tokens", "ngram"], "inputs other than text");
  if (names.length === 0 && qkv !== undefined)
    refuse(flags, ["heads", "kv-heads", "head-dim"], "--qkv, which brings its own");
  if (qkv === undefined) refuse(flags, ["layer"], "inputs other than --qkv");
  if (names.length === 0 && qkv === undefined) return undefined;
  const inputs: Record<string, InputSettings> = {};
  if (names.includes("text")) {
    inputs["text"] = {
      kind: "text",
      file: flags.text("text"),
      tokens: read(flags, "tokens", (text) => oneOf("tokens", text, ["bytes", "words"])),
      ngram: read(flags, "ngram", (text) => wholeNumber("ngram", text, 1)),
      ...heads,
    };
  }
  if (names.includes("gaussian")) {
    inputs["gaussian"] = {
      kind: "gaussian",
      seed: read(flags, "seed", (text) => wholeNumber("seed", text, 0)),
      ...heads,
    };
  }
  if (qkv !== undefined) inputs["qkv"] = { kind: "safetensors", file: qkv, layer: flags.text("layer") };
  return inputs;
}

/** Flags that say how the text is, or its heads. */
const SAID: readonly StudyFlag[] = ["text", "tokens", "ngram", "heads", "kv-heads", "head-dim"];

function refuse(flags: Flags<StudyFlag>, names: readonly StudyFlag[], beside: string): void {
  for (const name of names) {
    if (flags.text(name) !== undefined) throw new UsageError(`--${name} does not go with ${beside}`);
  }
}

function read<T>(flags: Flags<StudyFlag>, flag: StudyFlag, parse: (text: string) => T): T | undefined {
  const text = flags.text(flag);
  return text === undefined ? undefined : parse(text);
}

function checkedName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text)) return text;
  throw new UsageError(`--name expects letters, digits, "." "_" "-", got "${text}"`);
}

function checkedLength(text: string): number {
  const length = parseLength(text);
  if (length !== undefined) return length;
  throw new UsageError(`--lengths expects sizes such as 512 or 4k, got "${text}"`);
}

function depth(text: string): number {
  const value = Number(text);
  if (text !== "" && value >= 0 && value <= 1) return value;
  throw new UsageError(`--needles expects depths from 0 to 1, got "${text}"`);
}

function listOrNone(list: string[] | undefined): string[] | undefined {
  return list?.length === 1 && list[0] === "none" ? [] : list;
}
