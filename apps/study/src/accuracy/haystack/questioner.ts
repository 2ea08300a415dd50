import type { Candidate, CandidateShape } from "@saccade/advisor";
import { type Tensor, tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";
import { type AccuracyContext, BYTES_AT_ONCE, callOptions } from "../accuracy-context.ts";
import { rowsStandAlone } from "../rows-stand-alone.ts";
import { type Haystack, questionLength, WIDTH, writeIdleQueries } from "./haystack.ts";

/** The same question position in every text of a haystack, with a direction of its own in each. */
export interface Question {
  readonly position: number;
  /** [T] of [D]; only their directions count. */
  readonly directions: readonly Float32Array[];
}

/** The shape of a call on T texts. */
function haystackShape(length: number, trials: number): CandidateShape {
  return { batch: trials, heads: 1, queries: length, headDim: WIDTH };
}

/** Operations that texts may cost where each needs a call of all its rows: some seconds. */
const FLOPS = 2 ** 38;

/** How many texts are asked about, and how many of them have their tensors made at once. */
export interface Rounds {
  readonly trials: number;
  readonly together: number;
}

/**
 * As many texts as are asked for, fewer where whole calls of all would take too long, one at least. Undefined where the variant refuses
 * texts of this length, or one takes more bytes than there are.
 */
export function planRounds(
  candidate: Candidate,
  length: number,
  asked: number,
  { bytesAtOnce = BYTES_AT_ONCE, mostBytes = Infinity }: AccuracyContext,
): Rounds | undefined {
  const shape = haystackShape(length, 1);
  if (asked === 0 || candidate.refuses(shape) !== undefined) return undefined;
  const bytes = haystackBytes(candidate, length, 1);
  if (bytes > mostBytes) return undefined;
  const affordable = rowsStandAlone(candidate) ? asked : Math.floor(FLOPS / candidate.plan(shape).flops);
  const trials = Math.min(asked, Math.max(1, affordable));
  const together = Math.max(1, Math.min(trials, Math.floor(Math.min(bytesAtOnce, mostBytes) / bytes)));
  return { trials, together };
}

/** Bytes of keys and values of T texts, and of queries and outputs where every row has to be computed. */
function haystackBytes(candidate: Candidate, length: number, trials: number): number {
  return 4 * trials * length * WIDTH * (rowsStandAlone(candidate) ? 2 : 4);
}

/**
 * Asks a candidate questions about a haystack. Where rows stand alone, a question is a call of one query row over the keys up to it;
 * elsewhere it is a row in a call of all N queries, the others idle. The answers are the same, which a test holds.
 */
export class Questioner {
  readonly #candidate: Candidate;
  readonly #haystack: Haystack;
  readonly #context: AccuracyContext;
  /** [T, 1, N, D] where all rows are computed. */
  readonly #q: Tensor | undefined;

  constructor(candidate: Candidate, haystack: Haystack, context: AccuracyContext) {
    this.#candidate = candidate;
    this.#haystack = haystack;
    this.#context = context;
    if (!rowsStandAlone(candidate)) this.#q = emptyQueries(haystack.trials, haystack.length);
  }

  /** Gives one text the queries that ask for nothing. To be called before questions are asked about a new text. */
  prepare(trial: number, seed: number): void {
    const { length } = this.#haystack;
    if (this.#q) writeIdleQueries(seed, length, floatsOf(this.#q), trial * length * WIDTH);
  }

  /** Answers to each question, [T] of [E]. */
  async ask(questions: readonly Question[]): Promise<Float32Array[][]> {
    if (this.#q) return this.#askInOneCall(this.#q, questions);
    const answers: Float32Array[][] = [];
    for (const question of questions) answers.push(await this.#askAlone(question));
    return answers;
  }

  async #askAlone({ position, directions }: Question): Promise<Float32Array[]> {
    const { trials, length, k, v } = this.#haystack;
    const q = emptyQueries(trials, 1);
    for (const [trial, direction] of directions.entries()) {
      floatsOf(q).set(asLong(direction, questionLength(length)), trial * WIDTH);
    }
    const visible = { length: position + 1 };
    const tokens = { q, k: { ...k, ...visible }, v: { ...v, ...visible } };
    const { out } = await this.#candidate.forward(tokens, callOptions(this.#context));
    return directions.map((_, trial) => rowOf(out, trial, 0));
  }

  async #askInOneCall(q: Tensor, questions: readonly Question[]): Promise<Float32Array[][]> {
    const { length, k, v } = this.#haystack;
    for (const { position, directions } of questions) {
      for (const [trial, direction] of directions.entries()) {
        floatsOf(q).set(asLong(direction, questionLength(length)), (trial * length + position) * WIDTH);
      }
    }
    const { out } = await this.#candidate.forward({ q, k, v }, callOptions(this.#context));
    return questions.map(({ position, directions }) => directions.map((_, trial) => rowOf(out, trial, position)));
  }
}

function emptyQueries(trials: number, length: number): Tensor {
  return tensor(new Float32Array(trials * length * WIDTH), { shape: [trials, 1, length, WIDTH] });
}

/** The vector at another length; zeros where it has no direction. */
function asLong(vector: Float32Array, length: number): Float32Array {
  const own = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
  return own > 0 && Number.isFinite(own) ? vector.map((x) => (x / own) * length) : new Float32Array(vector.length);
}

function rowOf(out: Tensor, text: number, row: number): Float32Array {
  const at = out.offset + text * out.strides.b + row * out.strides.n;
  return floatsOf(out).slice(at, at + out.width);
}
