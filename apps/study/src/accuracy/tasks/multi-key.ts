import { codeValue, direction, namedCode, WIDTH } from "../haystack/haystack.ts";
import { CODES } from "../haystack/haystack.ts";
import { shuffled } from "../draws.ts";
import type { Task } from "./task.ts";

const DISTRACTORS = 8;
/** Signs of a distractor that differ from the needle's: a quarter, for a cosine of 1/2. */
const FLIPPED: number = WIDTH / 4;

/** Needles with like keys: one is asked for, and eight others with a cosine of 1/2 to it stand under other values. Score 1 or 0. */
export const multiKey: Task = {
  name: "multi-key",
  hidden: 1 + DISTRACTORS,
  trial(seed) {
    const key = direction(seed, 0);
    const codes = shuffled(seed, CODES);
    const distractors = Array.from({ length: DISTRACTORS }, (_, n) => likeKey(key, seed + 1 + n));
    let score = 0;
    return {
      hidden: [key, ...distractors].map((each, n) => ({ key: each, value: codeValue(codes[n]!) })),
      question: key,
      next(answer) {
        score = namedCode(answer) === codes[0] ? 1 : 0;
        return undefined;
      },
      score: () => score,
    };
  },
};

function likeKey(key: Float32Array, seed: number): Float32Array {
  const flipped = new Set(shuffled(seed, WIDTH).slice(0, FLIPPED));
  return key.map((x, i) => (flipped.has(i) ? -x : x));
}
