import { direction, WIDTH } from "../haystack/haystack.ts";
import { mix32 } from "../../text/n-grams.ts";
import { nearestToken } from "../../text/embedding.ts";
import type { Task } from "./task.ts";

const HOPS = 4;
/** Names among which an answer's is looked for: those of the chain come first. */
const NAMES = 64;

/**
 * Variable tracking: X2 = X1, X3 = X2, ... at places of their own. Under the key of a variable stands the name of the next one, whose
 * direction is its key; the first is asked for, and every output is, at the length of a question, the next query, as a layer hands it to the
 * one above. Score: the share of the four hops whose output is nearest to the right one of 64 names.
 */
export const variableTracking: Task = {
  name: "variable-tracking",
  hidden: HOPS,
  trial(seed) {
    const names = Array.from({ length: NAMES }, (_, n) => direction(mix32(seed), n));
    const book = new Float32Array(NAMES * WIDTH);
    for (const [n, name] of names.entries()) book.set(name, n * WIDTH);
    let [hop, right] = [0, 0];
    return {
      hidden: Array.from({ length: HOPS }, (_, n) => ({ key: names[n]!, value: names[n + 1]! })),
      question: names[0]!,
      next(answer) {
        hop++;
        if (nearestName(book, answer) === hop) right++;
        return hop < HOPS ? answer : undefined;
      },
      score: () => right / HOPS,
    };
  },
};

function nearestName(book: Float32Array, answer: Float32Array): number {
  // Without a direction an answer is near to nothing; the first name is never right.
  return answer.some((x) => x !== 0) ? nearestToken(book, WIDTH, answer, 0) : -1;
}
