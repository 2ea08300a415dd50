import type { Candidate, CandidateTokens } from "@saccade/advisor";
import { type Runtime, tensor } from "@saccade/core";
import type { CallSizes } from "./call-sizes.ts";
import { rows } from "./pieces.ts";
import type { Decode } from "./record.ts";
import { timed } from "./timed-calls.ts";

/** Tokens that fill a cache together. */
const PIECE_TOKENS = 4096;
/** Steps before those that are timed. */
const WARM_UP = 3;

/**
 * Fills a decoder with all tokens and times steps after them. The steps' tokens are those of the prompt from its beginning: what a step
 * costs depends on how many there are.
 *
 * @returns undefined where the variant has no decoder.
 */
export async function measureDecode(
  candidate: Candidate,
  tokens: CandidateTokens,
  { heads, kvHeads, headDim, valueDim, length }: CallSizes,
  steps: number,
  { runtime, threads }: { readonly runtime: Runtime; readonly threads: number | undefined },
): Promise<Decode | undefined> {
  if (candidate.noDecoder !== undefined) return undefined;
  await using decoder = candidate.decoder({
    ...{ heads, kvHeads, headDim, valueDim, runtime, threads },
    capacity: length + steps + WARM_UP,
  });
  const room = new Float32Array(heads * Math.min(length, PIECE_TOKENS) * valueDim);
  for (let first = 0; first < length; first += PIECE_TOKENS) {
    const end = Math.min(length, first + PIECE_TOKENS);
    const out = tensor(room, { shape: [1, heads, end - first, valueDim] });
    await decoder.append(rows(tokens, first, end, first), { out });
  }
  const { cacheBytes } = decoder;
  const out = tensor(room, { shape: [1, heads, 1, valueDim] });
  let at = 0;
  const step = (): void => {
    const token = at++ % length;
    decoder.appendSync(rows(tokens, token, token + 1, token), { out });
  };
  for (let i = 0; i < WARM_UP; i++) step();
  const { medianMs, p99Ms, samples } = await timed(step, steps, false);
  return { medianMs, p99Ms, steps: samples, cacheBytes };
}
