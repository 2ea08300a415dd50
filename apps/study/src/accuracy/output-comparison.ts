import type { Tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";
import type { Accuracy, MeasureSettings, MeasuredCell, TextRetrieval } from "../cells/record.ts";
import type { HeadRange, Input, Slice } from "../input/input.ts";
import type { AccuracyContext } from "./accuracy-context.ts";
import type { ComparedOutput } from "./compared-output.ts";
import { cachedDenseRows } from "./reference-cache.ts";
import { stratifiedPositions } from "./stratified-positions.ts";

/**
 * Compares the outputs of one cell, group of heads by group of heads, with dense causal attention in float64 at sampled positions
 * of every head:
 *
 * ```text
 *   relative L2   sqrt(sum |out - dense|^2 / sum |dense|^2)      over all rows
 *   cosine        out . dense / (|out| |dense|)                  mean over rows
 *   mass recall   e^(lse of the candidate - lse of dense)        mean over rows, and over those of each query head
 * ```
 *
 * An output row with a number that is not finite counts as zeros.
 */
export class OutputComparison {
  readonly #input: Input;
  readonly #length: number;
  readonly #context: AccuracyContext;
  /** Positions that are compared with dense attention. */
  readonly #positions: readonly number[];
  readonly #recalls: number[] = [];
  #withRecall = true;
  #rows = 0;
  #differences = 0;
  #magnitudes = 0;
  #cosines = 0;
  #notFinite = 0;
  #retrieval: TextRetrieval | undefined;

  constructor(input: Input, length: number, settings: MeasureSettings, context: AccuracyContext) {
    this.#input = input;
    this.#length = length;
    this.#context = context;
    this.#positions = stratifiedPositions(settings.sampledRows, length, input.heads, context.seed ?? 1);
  }

  /** Positions whose rows are looked at, ascending; what an output holds elsewhere does not matter. */
  get positions(): readonly number[] {
    const all = new Set([...this.#positions, ...this.#input.retrievalPositions(this.#length)]);
    return [...all].toSorted((a, b) => a - b);
  }

  /** Takes the outputs of one group of heads; groups come in order. `slice` is what the candidate was given. */
  async add(range: HeadRange, slice: Slice, { out, lse }: ComparedOutput): Promise<void> {
    this.#addRetrieval(this.#input.retrieval(this.#length, range, out, true));
    if (this.#positions.length === 0) return;
    const { cacheFolder, signal } = this.#context;
    const dense = await cachedDenseRows(slice, this.#positions, cacheFolder, signal);
    const heads = slice.q.heads;
    for (const [p, position] of this.#positions.entries()) {
      for (let h = 0; h < heads; h++) {
        const row = p * heads + h;
        this.#addRow(out, h, position, dense.out.subarray(row * out.width, (row + 1) * out.width));
      }
    }
    if (lse === undefined) this.#withRecall = false;
    else this.#addRecalls(heads, lse, dense.lse);
  }

  /** What the groups so far came to. */
  result(): Pick<MeasuredCell, "accuracy" | "retrieval"> {
    return { accuracy: this.#rows === 0 ? undefined : this.#accuracy(), retrieval: this.#retrieval };
  }

  #accuracy(): Accuracy {
    const recalls = this.#withRecall ? this.#recalls : undefined;
    return {
      rows: this.#rows,
      notFiniteRows: this.#notFinite,
      relativeL2: this.#magnitudes === 0 ? 0 : Math.sqrt(this.#differences / this.#magnitudes),
      cosine: this.#cosines / this.#rows,
      massRecall: recalls && recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length,
      massRecallByHead: recalls,
    };
  }

  #addRow(out: Tensor, head: number, position: number, dense: Float64Array): void {
    const numbers = floatsOf(out);
    const at = out.offset + head * out.strides.h + position * out.strides.n;
    const finite = numbers.subarray(at, at + out.width).every(Number.isFinite);
    let [difference, product, own, magnitude] = [0, 0, 0, 0];
    for (let e = 0; e < out.width; e++) {
      const [x, y] = [finite ? numbers[at + e]! : 0, dense[e]!];
      difference += (x - y) ** 2;
      product += x * y;
      own += x * x;
      magnitude += y * y;
    }
    this.#rows++;
    if (!finite) this.#notFinite++;
    this.#differences += difference;
    this.#magnitudes += magnitude;
    // Rows of nothing but zeros agree with each other and with nothing else.
    if (own === 0 || magnitude === 0) this.#cosines += own === magnitude ? 1 : 0;
    else this.#cosines += product / Math.sqrt(own * magnitude);
  }

  #addRecalls(heads: number, lse: Float32Array, dense: Float64Array): void {
    for (let h = 0; h < heads; h++) {
      let sum = 0;
      for (const [p, position] of this.#positions.entries()) {
        sum += Math.exp(lse[h * this.#length + position]! - dense[p * heads + h]!);
      }
      this.#recalls.push(sum / this.#positions.length);
    }
  }

  #addRetrieval(part: TextRetrieval | undefined): void {
    if (part === undefined) return;
    const sum = this.#retrieval ?? { scored: 0, correct: 0, farScored: 0, farCorrect: 0 };
    this.#retrieval = {
      scored: sum.scored + part.scored,
      correct: sum.correct + part.correct,
      farScored: sum.farScored + part.farScored,
      farCorrect: sum.farCorrect + part.farCorrect,
    };
  }
}
