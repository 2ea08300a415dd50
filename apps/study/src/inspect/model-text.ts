import { dense } from "@saccade/core";
import { recordCalls } from "@saccade/nn";
import { openModelFolder } from "../perplexity/model-folder.ts";
import type { InspectedText } from "./inspected-text.ts";
import { pieceTexts } from "./piece-texts.ts";

/**
 * A text under one layer of a model: its queries and keys as dense attention reads them, normed and turned by their positions.
 *
 * @param layer the last one by default.
 * @throws Error when the folder holds no model, or the model has no such layer.
 */
export async function modelText(folder: string, text: string, layer?: number): Promise<InspectedText> {
  const { model, tokens: tokensOf, decode, prefix } = openModelFolder(folder);
  const { layers } = model.config;
  const own = layer ?? layers - 1;
  if (own >= layers) throw new RangeError(`the model has layers 0 to ${layers - 1}, not ${own}`);
  const ids = [...prefix, ...tokensOf(text)];
  const plain = dense({ causal: true });
  const { attention, calls } = recordCalls(plain);
  await model.with({ attention: (index) => (index === own ? attention : plain) }).hidden(ids);
  const inputs = calls[0];
  if (inputs === undefined) throw new Error("the model did not run the layer");
  const pieces = pieceTexts(ids, decode);
  return {
    description: `Layer ${own} of ${layers} of the model in ${folder}, ${ids.length} tokens`,
    tokens: pieces,
    gaps: pieces.map(() => ""),
    layer: { name: String(own), heads: Array.from({ length: inputs.q.heads }, (_, head) => String(head)), inputs },
  };
}
