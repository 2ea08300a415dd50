import type { Candidate } from "@saccade/advisor";
import type { Transformer } from "@saccade/nn";
import { contextRanges, type ContextRange } from "./context-ranges.ts";

/** e^(mean of -ln p) over the predictions of a range. */
export interface RangePerplexity extends ContextRange {
  readonly predictions: number;
  readonly perplexity: number;
}

/** One variant's perplexity over context length. */
export interface VariantPerplexity {
  readonly variant: string;
  /** Whether weights must be trained with this variant: as they are, they were not. */
  readonly needsTraining: boolean;
  readonly predictions: number;
  /** Over all predictions. */
  readonly perplexity: number;
  readonly ranges: readonly RangePerplexity[];
}

export interface PerplexityCall {
  /** Segments of a text, each of at most the same number of tokens; every one is read from its beginning. */
  readonly segments: readonly (readonly number[])[];
  /** What stands in front of every segment, and is not predicted. */
  readonly prefix: readonly number[];
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A text as segments of `length` tokens with the prefix, at most `most` of them; a shorter rest only where there is nothing else. */
export function segmentsOf(
  tokens: readonly number[],
  { prefix, length, most }: { prefix: readonly number[]; length: number; most: number },
): number[][] {
  const own = length - prefix.length;
  const count = Math.min(most, Math.max(1, Math.floor(tokens.length / own)));
  return Array.from({ length: count }, (_, i) => tokens.slice(i * own, (i + 1) * own));
}

/**
 * Perplexity of a text under a model whose attention is replaced by a variant, by how many tokens stand before the predicted one.
 *
 * @throws what the variant throws for calls that it cannot take.
 */
export async function measurePerplexity(
  model: Transformer,
  variant: Candidate,
  { segments, prefix, threads, signal }: PerplexityCall,
): Promise<VariantPerplexity> {
  const changed = model.with({ attention: variant });
  const longest = Math.max(...segments.map((segment) => prefix.length + segment.length)) - 1;
  const ranges = contextRanges(longest).map((range) => ({ ...range, sum: 0, predictions: 0 }));
  for (const segment of segments) {
    const losses = await changed.losses([...prefix, ...segment], { threads, signal });
    for (let i = Math.max(0, prefix.length - 1); i < losses.length; i++) {
      const range = ranges.find(({ to }) => i + 1 <= to)!;
      range.sum += losses[i]!;
      range.predictions++;
    }
  }
  const predictions = ranges.reduce((total, range) => total + range.predictions, 0);
  const sum = ranges.reduce((total, range) => total + range.sum, 0);
  return {
    variant: variant.id,
    needsTraining: variant.needsTraining,
    predictions,
    perplexity: Math.exp(sum / predictions),
    ranges: ranges
      .filter((range) => range.predictions > 0)
      .map(({ from, to, sum: loss, predictions: count }) => ({
        from,
        to,
        predictions: count,
        perplexity: Math.exp(loss / count),
      })),
  };
}
