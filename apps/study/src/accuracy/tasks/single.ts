import { codeValue, CODES, direction, namedCode } from "../haystack/haystack.ts";
import { integerAt } from "../draws.ts";
import type { Task } from "./task.ts";

/** A single needle: one key, whose value is to be named. Score 1 or 0. */
export const single: Task = {
  name: "single",
  hidden: 1,
  trial(seed) {
    const key = direction(seed, 0);
    const code = integerAt(seed, 0, CODES);
    let score = 0;
    return {
      hidden: [{ key, value: codeValue(code) }],
      question: key,
      next(answer) {
        score = namedCode(answer) === code ? 1 : 0;
        return undefined;
      },
      score: () => score,
    };
  },
};
