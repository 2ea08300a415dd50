import { readFileSync } from "node:fs";
import { candidate, type Candidate } from "@saccade/advisor";
import { type ArgDef, type ArgsDef, type CommandDef, defineCommand } from "citty";
import { openModelFolder } from "../perplexity/model-folder.ts";
import { perplexityTable } from "../perplexity/perplexity-table.ts";
import { measurePerplexity, segmentsOf, type VariantPerplexity } from "../perplexity/perplexity.ts";
import { UsageError } from "../settings/usage-error.ts";
import { listOf, readFlags, wholeNumber } from "./flags.ts";

type PerplexityFlag = "model" | "text" | "variants" | "length" | "segments" | "threads" | "json";

const PERPLEXITY_ARGS: Readonly<Record<PerplexityFlag, ArgDef>> = {
  model: {
    type: "string",
    valueHint: "FOLDER",
    description: "config.json, model.safetensors and tokenizer.json of a model of the Llama family",
  },
  text: { type: "string", valueHint: "FILE", description: "what is predicted" },
  variants: {
    type: "string",
    default: "dense",
    valueHint: "LIST",
    description: "what takes the place of the model's attention: dense,window:1024,window:1020:sinks=4,...",
  },
  length: {
    type: "string",
    valueHint: "N",
    description: "tokens of a segment; by default as many as the model was made for, at most 2048, and as the text has",
  },
  segments: { type: "string", default: "4", valueHint: "N", description: "segments of the text, at most" },
  threads: { type: "string", valueHint: "N", description: "threads at most" },
  json: { type: "boolean", default: false, description: "prints JSON" },
};

/** Segments by default: attention over all of a model's length may take hours on a processor. */
const DEFAULT_LENGTH = 2048;

/** `saccade perplexity`: how well a model predicts a text when its attention is replaced. */
export const perplexityCommand: CommandDef = defineCommand({
  meta: { name: "perplexity", description: "Perplexity of a model over context length, with its attention replaced" },
  args: PERPLEXITY_ARGS as ArgsDef,
  async run({ args }) {
    const flags = readFlags(args, PERPLEXITY_ARGS);
    const [folder, file] = [flags.text("model"), flags.text("text")];
    if (folder === undefined || file === undefined) {
      throw new UsageError("perplexity expects a model and a text, as in --model FOLDER --text FILE");
    }
    const number = (flag: PerplexityFlag, least: number): number | undefined => {
      const text = flags.text(flag);
      return text === undefined ? undefined : wholeNumber(flag, text, least);
    };
    const variants = variantsOf(flags.text("variants")!);
    const [asked, most, threads] = [number("length", 2), number("segments", 1)!, number("threads", 1)];
    const text = readText(file);
    const { model, tokens: tokensOf, prefix } = openModelFolder(folder);
    const tokens = tokensOf(text);
    if (tokens.length + prefix.length < 2) throw new Error(`${file} has ${tokens.length} tokens, expected at least 2`);
    const length = asked ?? Math.min(DEFAULT_LENGTH, model.config.maxLength, prefix.length + tokens.length);
    if (length <= prefix.length) throw new UsageError(`--length expects more than ${prefix.length}, got "${length}"`);
    if (asked !== undefined && asked > prefix.length + tokens.length) {
      throw new Error(`${file} has ${tokens.length} tokens, a segment would have ${asked}`);
    }
    const segments = segmentsOf(tokens, { prefix, length, most });
    const found: VariantPerplexity[] = [];
    for (const variant of variants) found.push(await measurePerplexity(model, variant, { segments, prefix, threads }));
    if (flags.isOn("json"))
      print(JSON.stringify({ model: folder, text: file, length, segments: segments.length, variants: found }, null, 2));
    else print(`${heading(file, length, segments.length)}\n\n${perplexityTable(found)}${remarks(found)}`);
  },
});

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function heading(file: string, length: number, segments: number): string {
  return `Perplexity on ${file}, ${segments} segment${segments === 1 ? "" : "s"} of ${length} tokens, by tokens before the predicted one`;
}

function remarks(found: readonly VariantPerplexity[]): string {
  const untrained = found.filter(({ needsTraining }) => needsTraining).map(({ variant }) => variant);
  if (untrained.length === 0) return "";
  return `\n\nWeights were not trained with ${untrained.join(", ")}: the figure says little about such a model.`;
}

function variantsOf(list: string): Candidate[] {
  return listOf("variants", list).map((text) => {
    let variant: Candidate;
    try {
      variant = candidate(text);
    } catch (error) {
      throw new UsageError(`--variants: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (variant.causal) return variant;
    throw new UsageError(`--variants: ${variant.id} lets queries see later keys, which a model would copy from`);
  });
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
