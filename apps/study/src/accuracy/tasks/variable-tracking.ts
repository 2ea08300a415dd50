import { nearestToken } from "../../text/embedding.ts";
import { direction, WIDTH } from "../haystack/haystack.ts";
import type { Task } from "./task.ts";

const HOPS = 4;
/** Names among which an answer's is looked for: those of the chain come first. */
const NAMES = 64;

/**
 * Variable tracking: X2 = X1, X3 = X2, ... at places of their own. Under the key of a variable stands the name of the next one, whose
 * direction is its key. X1 is asked for, then the name that the answer was nearest to, of 64, and so on. Only a right name leads on, and what
 * comes after it is known, so all four questions of the chain are asked at once, and count up to the first wrong answer. Score: the share
 * of the four hops that were made.
 */
export const variableTracking: Task = {
  name: "variable-tracking",
  hidden: HOPS,
  questions: HOPS,
  trial(seed) {
    const names = Array.from({ length: NAMES }, (_, n) => direction(seed, n));
    const book = new Float32Array(NAMES * WIDTH);
    for (const [n, name] of names.entries()) book.set(name, n * WIDTH);
    return {
      hidden: Array.from({ length: HOPS }, (_, n) => ({ key: names[n]!, value: names[n + 1]! })),
      questions: names.slice(0, HOPS),
      score(answers) {
        const wrong = answers.findIndex((answer, hop) => nearestName(book, answer) !== hop + 1);
        return (wrong === -1 ? HOPS : wrong) / HOPS;
      },
    };
  },
};

function nearestName(book: Float32Array, answer: Float32Array): number {
  // Without a direction an answer is near to nothing.
  return answer.some((x) => x !== 0) ? nearestToken(book, WIDTH, answer, 0) : -1;
}
