import { integerAt } from "../draws.ts";
import { codeValue, CODES, direction, namedCode } from "../haystack/haystack.ts";
import type { Task } from "./task.ts";

/** A single needle: one key, whose value is to be named. Score 1 or 0. */
export const single: Task = {
  name: "single",
  hidden: 1,
  questions: 1,
  trial(seed) {
    const key = direction(seed, 0);
    const code = integerAt(seed, 0, CODES);
    return {
      hidden: [{ key, value: codeValue(code) }],
      questions: [key],
      score: ([answer]) => (namedCode(answer!) === code ? 1 : 0),
    };
  },
};
