import type { Candidate, CandidateTokens } from "@saccade/advisor";
import { type MixOptions, type MixResult, type Runtime, type Tensor, tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";
import { type CallSizes, outputBytes } from "./call-sizes.ts";

/** How a prompt goes through a variant: in one call, or in pieces of queries whose output is small. Known before it runs. */
export interface PromptPlan {
  readonly pieces: number;
  readonly pieceTokens: number;
  /** Output and workspace of a piece, and the cache of a decoder that takes them. */
  readonly planBytes: number;
  /** A decoder takes the pieces, and goes on from its state. */
  readonly byDecoder: boolean;
}

/** When prompts go through in pieces. */
export interface PieceLimits {
  /** Bytes of output that one call may make. */
  readonly wholeBytes: number;
  /** Bytes of output of a piece, where there have to be pieces. */
  readonly pieceBytes: number;
}

const LIMITS: PieceLimits = { wholeBytes: 2 ** 26, pieceBytes: 2 ** 24 };

/**
 * Plans a prompt. Attention takes pieces of queries with all keys so far. What refuses that, recurrences and what remembers segments, takes
 * pieces through a decoder; what has none takes the prompt as a whole.
 *
 * @param runtime Whose workspace is planned. Default: the shared one.
 * @throws RangeError where the variant refuses the sizes.
 */
export function planPrompt(
  candidate: Candidate,
  sizes: CallSizes,
  runtime?: Runtime,
  limits: PieceLimits = LIMITS,
): PromptPlan {
  const { length } = sizes;
  const shape = { ...shapeOf(sizes), runtime };
  const whole = candidate.plan({ ...shape, queries: length });
  const pieceTokens = tokensOfPiece(sizes, limits);
  const pieces = Math.ceil(length / pieceTokens);
  const byDecoder = pieces > 1 && candidate.refuses({ ...shape, queries: pieceTokens, keys: length }) !== undefined;
  if (pieces === 1 || (byDecoder && candidate.noDecoder !== undefined)) {
    const planBytes = outputBytes(sizes) + whole.workspaceBytes;
    return { pieces: 1, pieceTokens: length, planBytes, byDecoder: false };
  }
  const keys = byDecoder ? pieceTokens : length;
  const { workspaceBytes } = candidate.plan({ ...shape, queries: pieceTokens, keys });
  const output = outputBytes({ ...sizes, length: pieceTokens });
  return {
    pieces,
    pieceTokens,
    planBytes: output + workspaceBytes + (byDecoder ? whole.cacheBytes : 0),
    byDecoder,
  };
}

/** Runs a prompt from its first token to its last. The output of pieces is one array that they share. */
export async function runPrompt(
  candidate: Candidate,
  tokens: CandidateTokens,
  sizes: CallSizes,
  plan: PromptPlan,
  options: MixOptions,
): Promise<MixResult> {
  if (plan.pieces === 1) return candidate.forward(tokens, options);
  const { heads, valueDim, length, ...widths } = sizes;
  const room = new Float32Array(heads * plan.pieceTokens * valueDim);
  const out = (first: number, end: number): Tensor => tensor(room, { shape: [1, heads, end - first, valueDim] });
  if (!plan.byDecoder) {
    return eachPiece(length, plan.pieceTokens, (first, end) =>
      candidate.forward(rows(tokens, first, end, 0), { ...options, out: out(first, end) }),
    );
  }
  const { runtime, threads } = options;
  await using decoder = candidate.decoder({ ...widths, heads, valueDim, capacity: length, runtime, threads });
  return await eachPiece(length, plan.pieceTokens, (first, end) =>
    decoder.append(rows(tokens, first, end, first), { out: out(first, end), threads }),
  );
}

/** All tokens, or a power of two of them whose output fits. */
function tokensOfPiece(sizes: CallSizes, { wholeBytes, pieceBytes }: PieceLimits): number {
  if (outputBytes(sizes) <= wholeBytes) return sizes.length;
  return 2 ** Math.max(0, Math.floor(Math.log2(pieceBytes / outputBytes({ ...sizes, length: 1 }))));
}

/** Sizes but the length. */
export function shapeOf({ heads, kvHeads, headDim, valueDim }: CallSizes): Omit<CallSizes, "length"> {
  return { heads, kvHeads, headDim, valueDim };
}

async function eachPiece(
  length: number,
  pieceTokens: number,
  call: (first: number, end: number) => Promise<MixResult>,
): Promise<MixResult> {
  let last: MixResult | undefined;
  for (let first = 0; first < length; first += pieceTokens)
    last = await call(first, Math.min(length, first + pieceTokens));
  if (last === undefined) throw new Error("pieces: expected at least one token");
  return last;
}

/** Queries of the tokens first .. end - 1, and keys and values from `firstKey` to the same end, as views. */
export function rows({ q, k, v }: CandidateTokens, first: number, end: number, firstKey: number): CandidateTokens {
  return { q: part(q, first, end), k: part(k, firstKey, end), v: part(v, firstKey, end) };
}

function part(view: Tensor, first: number, end: number): Tensor {
  const { batch, heads, width, offset, strides, layout } = view;
  return tensor(floatsOf(view), {
    shape: layout === "bhnd" ? [batch, heads, end - first, width] : [batch, end - first, heads, width],
    layout,
    offset: offset + first * strides.n,
    strides,
  });
}
