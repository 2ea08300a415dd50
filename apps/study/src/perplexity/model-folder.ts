import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import type { Transformer } from "@saccade/nn";
import { loadTransformer } from "@saccade/nn/node";

/** The package's own types name files without endings, which are not found here. */
interface Encoder {
  encode(text: string, options?: { readonly add_special_tokens: boolean }): { readonly ids: readonly number[] };
  decode(
    ids: number[],
    options?: { readonly skip_special_tokens: boolean; readonly clean_up_tokenization_spaces: boolean },
  ): string;
}

/** A model and how it reads text. */
export interface ModelFolder {
  readonly model: Transformer;
  /** Tokens of a text, without any that the tokenizer adds. */
  tokens(text: string): readonly number[];
  /** The text of tokens, special ones included. */
  decode(tokens: readonly number[]): string;
  /** What the tokenizer puts in front of every text. */
  readonly prefix: readonly number[];
}

/**
 * A folder as Hugging Face lays it out: config.json, model.safetensors (or its parts), tokenizer.json, and maybe tokenizer_config.json.
 *
 * @throws Error naming the file that is missing or wrong.
 */
export function openModelFolder(folder: string): ModelFolder {
  const model = loadTransformer(folder);
  const tokenizer: Encoder = new Tokenizer(readJson(join(folder, "tokenizer.json")), readSettings(folder));
  const bare = tokenizer.encode("a", { add_special_tokens: false }).ids;
  const whole = tokenizer.encode("a").ids;
  const end = whole.findIndex((_, i) => bare.every((id, j) => whole[i + j] === id));
  return {
    model,
    tokens: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids,
    decode: (tokens) =>
      tokenizer.decode([...tokens], { skip_special_tokens: false, clean_up_tokenization_spaces: false }),
    prefix: whole.slice(0, Math.max(0, end)),
  };
}

function readSettings(folder: string): object {
  try {
    return readJson(join(folder, "tokenizer_config.json"));
  } catch (error) {
    if (
      error instanceof Error &&
      error.cause instanceof Error &&
      "code" in error.cause &&
      error.cause.code === "ENOENT"
    )
      return {};
    throw error;
  }
}

function readJson(path: string): object {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as object;
  } catch (error) {
    throw new Error(`model: cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
