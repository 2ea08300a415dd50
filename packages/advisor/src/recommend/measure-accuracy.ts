import { dense, type Attention, type Runtime, type Tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";
import type { Candidate, CandidateTokens } from "../catalogue/candidate.ts";

/** How near a variant comes to dense attention on given queries, keys and values. */
export interface MeasuredAccuracy {
  /** Mean share of dense attention's mass on keys that it sees; undefined where it is no softmax over keys. */
  readonly massRecall: number | undefined;
  /** The same for every query head, [H]. */
  readonly massRecallByHead: readonly number[] | undefined;
  /** sqrt(sum |out - dense|^2 / sum |dense|^2) */
  readonly relativeError: number;
  /** Rows that were compared. */
  readonly rows: number;
  readonly tokens: number;
}

/** Stretches of rows that are compared, evenly over the text, and rows of each. */
const [STRETCHES, ROWS] = [16, 16] as const;

/** A stretch of rows with all keys before its end, and what dense attention makes of it. */
interface Stretch {
  readonly tokens: CandidateTokens;
  readonly out: Float32Array;
  readonly lse: Float32Array;
}

/** What dense attention gives on sampled stretches, computed once for all candidates. */
export class AccuracyMeter {
  readonly #tokens: CandidateTokens;
  readonly #causal: boolean;
  readonly #runtime: Runtime;
  #stretches: readonly Stretch[] | undefined;

  constructor(tokens: CandidateTokens, causal: boolean, runtime: Runtime) {
    this.#tokens = tokens;
    this.#causal = causal;
    this.#runtime = runtime;
  }

  /** undefined for variants whose distance from dense attention says nothing, or that cannot take these tokens. */
  async measure(candidate: Candidate): Promise<MeasuredAccuracy | undefined> {
    const { q, k } = this.#tokens;
    const shape = { heads: q.heads, kvHeads: k.heads, queries: q.length, headDim: q.width };
    if (candidate.needsTraining || candidate.refuses(shape) !== undefined) return undefined;
    const whole = await this.#wholeOf(candidate);
    this.#stretches ??= await this.#denseStretches();
    const sums = { difference: 0, length: 0, rows: 0 };
    const kept = new Float64Array(q.heads);
    for (const stretch of this.#stretches) {
      const { out, lse } = whole?.(stretch) ?? (await this.#rowsOf(candidate, stretch));
      for (let i = 0; i < out.length; i++) {
        sums.difference += (out[i]! - stretch.out[i]!) ** 2;
        sums.length += stretch.out[i]! ** 2;
      }
      const rows = stretch.tokens.q.length;
      sums.rows += rows;
      for (let at = 0; lse !== undefined && at < lse.length; at++) {
        kept[Math.floor(at / rows)]! += Math.min(1, Math.exp(lse[at]! - stretch.lse[at]!));
      }
    }
    const byHead = candidate.softmax && Array.from(kept, (sum) => sum / sums.rows);
    return {
      massRecall: byHead && byHead.reduce((sum, each) => sum + each, 0) / byHead.length,
      massRecallByHead: byHead,
      relativeError: Math.sqrt(sums.difference / Math.max(sums.length, Number.MIN_VALUE)),
      rows: sums.rows * q.heads,
      tokens: q.length,
    };
  }

  /** Variants whose rows do not stand alone run once over all tokens. */
  async #wholeOf(candidate: Candidate): Promise<((stretch: Stretch) => Rows) | undefined> {
    const alone = candidate.family !== "linear" && ["static", "per-query"].includes(candidate.selection);
    if (alone && this.#causal) return undefined;
    const runtime = this.#runtime;
    const { softmax } = candidate;
    const { out, lse } =
      softmax === undefined
        ? { ...(await candidate.forward(this.#tokens, { runtime })), lse: undefined }
        : await softmax.forward(this.#tokens, { runtime, lse: true });
    return ({ tokens: { q } }) => {
      const from = (q.offset - this.#tokens.q.offset) / q.strides.n;
      const rows = (h: number): number => h * out.length + from;
      return {
        out: numbersOf({ ...out, offset: out.offset + from * out.strides.n, length: q.length }),
        lse: lse && joined(Array.from({ length: q.heads }, (_, h) => lse.subarray(rows(h), rows(h) + q.length))),
      };
    };
  }

  async #rowsOf({ softmax, forward }: Candidate, { tokens }: Stretch): Promise<Rows> {
    const runtime = this.#runtime;
    if (softmax === undefined) return { out: numbersOf((await forward(tokens, { runtime })).out), lse: undefined };
    const { out, lse } = await softmax.forward(tokens, { runtime, lse: true });
    return { out: numbersOf(out), lse };
  }

  async #denseStretches(): Promise<readonly Stretch[]> {
    const { q, k, v } = this.#tokens;
    const attend: Attention = dense({ causal: this.#causal });
    const count = Math.min(STRETCHES, Math.ceil(q.length / ROWS));
    const stretches: Stretch[] = [];
    for (let i = 0; i < count; i++) {
      const end = Math.ceil(((i + 1) * q.length) / count);
      const start = Math.max(0, end - ROWS);
      const rows = { ...q, offset: q.offset + start * q.strides.n, length: end - start };
      const seen = this.#causal ? end : k.length;
      const tokens = { q: rows, k: { ...k, length: seen }, v: { ...v, length: seen } };
      const { out, lse } = await attend.forward(tokens, { lse: true, runtime: this.#runtime });
      stretches.push({ tokens, out: numbersOf(out), lse });
    }
    return stretches;
  }
}

interface Rows {
  readonly out: Float32Array;
  readonly lse: Float32Array | undefined;
}

/** All numbers of a tensor of one batch element, head by head. */
function numbersOf(view: Tensor): Float32Array {
  const { heads, length, width, offset, strides } = view;
  const source = floatsOf(view);
  const numbers = new Float32Array(heads * length * width);
  for (let h = 0; h < heads; h++) {
    for (let n = 0; n < length; n++) {
      const at = offset + h * strides.h + n * strides.n;
      numbers.set(source.subarray(at, at + width), (h * length + n) * width);
    }
  }
  return numbers;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
