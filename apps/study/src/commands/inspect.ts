import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { candidate, type Candidate } from "@saccade/advisor";
import { type ArgDef, type ArgsDef, type CommandDef, defineCommand } from "citty";
import { constructedText } from "../inspect/constructed-text.ts";
import { drawHeatMap, type HeatMapLabels } from "../inspect/heat-map.ts";
import { inspectionJson } from "../inspect/inspection-json.ts";
import { inspectionText } from "../inspect/inspection-text.ts";
import { inspect, type HeadInspection } from "../inspect/inspection.ts";
import type { InspectedText } from "../inspect/inspected-text.ts";
import { modelText } from "../inspect/model-text.ts";
import { drawPage } from "../inspect/page.ts";
import { shadingOf, type Shading } from "../inspect/shade.ts";
import { findToken, splitWords } from "../inspect/words.ts";
import { UsageError } from "../settings/usage-error.ts";
import { type Flags, readFlags, wholeNumber } from "./flags.ts";

type InspectFlag =
  | "text"
  | "query"
  | "expect"
  | "variant"
  | "model"
  | "layer"
  | "head"
  | "top"
  | "up-to"
  | "ngram"
  | "head-dim"
  | "out"
  | "json";

const INSPECT_ARGS: Readonly<Record<InspectFlag, ArgDef>> = {
  text: { type: "string", valueHint: "TEXT", description: "what is looked at" },
  query: {
    type: "string",
    valueHint: "WORD",
    description: "the word that looks, the last one of its kind, or #NUMBER; by default the last word",
  },
  expect: {
    type: "string",
    valueHint: "WORD",
    description: "the word that it should find; one more head is then built that looks for it",
  },
  variant: {
    type: "string",
    default: "dense",
    valueHint: "VARIANT",
    description: "what is compared with dense attention: window:64, top-k-blocks:16:k=2, ...",
  },
  model: {
    type: "string",
    valueHint: "FOLDER",
    description:
      "a model's queries and keys instead of constructed ones: config.json, model.safetensors, tokenizer.json",
  },
  layer: { type: "string", valueHint: "N", description: "of the model; by default the last" },
  head: { type: "string", valueHint: "N", description: "one head only" },
  top: { type: "string", default: "3", valueHint: "N", description: "keys that are named" },
  "up-to": {
    type: "string",
    default: "1024",
    valueHint: "N",
    description: "distance up to which a reference is followed",
  },
  ngram: { type: "string", default: "1", valueHint: "N", description: "words that the induction head matches" },
  "head-dim": { type: "string", default: "64", valueHint: "D", description: "of the constructed heads" },
  out: { type: "string", valueHint: "FOLDER", description: "writes a picture (SVG) and a page (HTML) of each head" },
  json: { type: "boolean", default: false, description: "prints JSON" },
};

/** `saccade inspect`: what a word of a text looks at, head by head. */
export const inspectCommand: CommandDef = defineCommand({
  meta: { name: "inspect", description: "Shows what a word of a text looks at, and what a variant keeps of it" },
  args: INSPECT_ARGS as ArgsDef,
  async run({ args }) {
    const flags = readFlags(args, INSPECT_ARGS);
    const number = (flag: InspectFlag, least: number): number => wholeNumber(flag, flags.text(flag)!, least);
    const variant = variantOf(flags.text("variant")!);
    const folderOf = flags.text("model");
    if (folderOf === undefined && flags.text("layer") !== undefined) throw new UsageError("--layer goes with --model");
    const { text, query, key } = folderOf === undefined ? constructed(flags, number) : await ofModel(folderOf, flags);
    const { layer } = text;
    const asked = flags.text("head");
    const heads = asked === undefined ? layer.heads.map((_, h) => h) : [wholeNumber("head", asked, 0)];
    if (heads.some((head) => head >= layer.heads.length)) {
      throw new UsageError(`--head expects one of 0 to ${layer.heads.length - 1}, got "${asked}"`);
    }
    const found: HeadInspection[] = [];
    for await (const head of inspect(text, {
      query,
      heads,
      variant,
      top: number("top", 1),
      reference: key === undefined ? undefined : { query, key },
      // Queries and keys of a model are turned by their positions before they come here.
      upTo: folderOf === undefined ? number("up-to", 1) : undefined,
    })) {
      found.push(head);
    }
    const folder = flags.text("out");
    const labels = { tokens: text.tokens, query, expected: key };
    const files = folder === undefined ? [] : writeFiles(folder, text, found, labels);
    if (flags.isOn("json")) print(JSON.stringify(inspectionJson(text, query, variant, found, files), null, 2));
    else print(inspectionText(text, query, found, shading(), files));
  },
});

/** A text with the places of its query, and of what that should find. */
interface Asked {
  readonly text: InspectedText;
  readonly query: number;
  readonly key: number | undefined;
}

function constructed(flags: Flags<InspectFlag>, number: (flag: InspectFlag, least: number) => number): Asked {
  const sentence = sentenceOf(flags);
  const { words } = splitWords(sentence);
  const { query, key } = places(flags, words);
  const headDim = number("head-dim", 2);
  if (headDim % 2 !== 0) throw new UsageError(`--head-dim expects an even number, got "${headDim}"`);
  const reference = key === undefined ? undefined : { query, key };
  return { text: constructedText(sentence, { headDim, ngram: number("ngram", 1), reference }), query, key };
}

async function ofModel(folder: string, flags: Flags<InspectFlag>): Promise<Asked> {
  const sentence = sentenceOf(flags);
  const layer = flags.text("layer");
  const text = await modelText(folder, sentence, layer === undefined ? undefined : wholeNumber("layer", layer, 0));
  return { text, ...places(flags, text.tokens) };
}

function sentenceOf(flags: Flags<InspectFlag>): string {
  const sentence = flags.text("text");
  if (sentence !== undefined) return sentence;
  throw new UsageError("inspect expects a text, as in --text 'The trophy ...' --query it");
}

function places(flags: Flags<InspectFlag>, tokens: readonly string[]): Omit<Asked, "text"> {
  if (tokens.length === 0) throw new UsageError("--text expects at least one word");
  const query = token(tokens, "query", flags.text("query") ?? `#${tokens.length - 1}`);
  const expected = flags.text("expect");
  return { query, key: expected === undefined ? undefined : token(tokens, "expect", expected, query) };
}

function shading(): Shading {
  return shadingOf(process.stdout.isTTY ? process.stdout.getColorDepth() : 1);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function token(tokens: readonly string[], flag: InspectFlag, name: string, before?: number): number {
  try {
    return findToken(tokens, name, before);
  } catch (error) {
    throw new UsageError(`--${flag}: ${(error as Error).message}`);
  }
}

function variantOf(text: string): Candidate {
  let variant: Candidate;
  try {
    variant = candidate(text);
  } catch (error) {
    throw new UsageError(`--variant: ${(error as Error).message}`);
  }
  if (variant.causal) return variant;
  throw new UsageError(`--variant: ${variant.id} lets queries see later keys; heads are causal`);
}

function writeFiles(
  folder: string,
  text: InspectedText,
  heads: readonly HeadInspection[],
  labels: HeatMapLabels,
): string[] {
  mkdirSync(folder, { recursive: true });
  return heads.flatMap((inspection) => {
    const name = `${inspection.layer}-head-${inspection.head}`;
    const files = [join(folder, `${name}.svg`), join(folder, `${name}.html`)] as const;
    writeFileSync(files[0], drawHeatMap(inspection, inspection.sightings.at(-1)!, labels));
    writeFileSync(files[1], drawPage(inspection, text, labels));
    return files;
  });
}
