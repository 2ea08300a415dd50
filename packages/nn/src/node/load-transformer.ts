import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TensorNumbers } from "../safetensors/safetensors-file.ts";
import { transformerConfig } from "../model/transformer-config.ts";
import { Transformer, type TransformerOptions } from "../model/transformer.ts";
import type { State } from "../layers/state.ts";
import { openSafetensors } from "./open-safetensors.ts";

/**
 * A model from a folder as Hugging Face lays it out: `config.json`, and `model.safetensors` or the parts that
 * `model.safetensors.index.json` names.
 *
 * @throws Error naming the file and what is missing or wrong.
 */
export function loadTransformer(folder: string, options: TransformerOptions = {}): Transformer {
  const config = transformerConfig(readText(join(folder, "config.json")));
  return Transformer.load(config, stateOf(folder), options);
}

function stateOf(folder: string): State {
  const index = join(folder, "model.safetensors.index.json");
  if (!existsSync(index)) return openSafetensors(join(folder, "model.safetensors"));
  const { weight_map: places } = JSON.parse(readText(index)) as { readonly weight_map?: Record<string, string> };
  if (places === undefined) throw new Error(`loadTransformer: ${index} has no weight_map`);
  const files = new Map([...new Set(Object.values(places))].map((name) => [name, openSafetensors(join(folder, name))]));
  const state: Record<string, TensorNumbers> = {};
  for (const [name, file] of Object.entries(places)) state[name] = files.get(file)!.read(name);
  return state;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`loadTransformer: cannot read ${path}: ${reason}`, { cause: error });
  }
}
