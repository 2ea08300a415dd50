import { shuffled } from "../draws.ts";
import { codeValue, CODES, direction, namedCode } from "../haystack/haystack.ts";
import type { Task } from "./task.ts";

const DISTRACTORS = 8;
const COSINE = 0.5;

/** Needles with like keys: one is asked for, and eight others with a cosine of 1/2 to it stand under other values. Score 1 or 0. */
export const multiKey: Task = {
  name: "multi-key",
  hidden: 1 + DISTRACTORS,
  questions: 1,
  trial(seed) {
    const key = direction(seed, 0);
    const codes = shuffled(seed, CODES);
    const distractors = Array.from({ length: DISTRACTORS }, (_, n) => likeKey(key, direction(seed, 1 + n)));
    return {
      hidden: [key, ...distractors].map((each, n) => ({ key: each, value: codeValue(codes[n]!) })),
      questions: [key],
      score: ([answer]) => (namedCode(answer!) === codes[0] ? 1 : 0),
    };
  },
};

/** A direction with the cosine to `key`, towards another one. */
function likeKey(key: Float32Array, other: Float32Array): Float32Array {
  const along = key.reduce((sum, x, i) => sum + x * other[i]!, 0);
  const across = other.map((x, i) => x - along * key[i]!);
  const length = Math.sqrt(across.reduce((sum, x) => sum + x * x, 0));
  const height = Math.sqrt(1 - COSINE ** 2) / length;
  return key.map((x, i) => COSINE * x + height * across[i]!);
}
