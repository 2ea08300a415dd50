import { shuffled } from "../draws.ts";
import { codeValue, CODES, direction } from "../haystack/haystack.ts";
import type { Task } from "./task.ts";

const VALUES = 4;

/** Four values under one key, at four places: the output has to rank them above all others. Score: the share of them among its first four. */
export const multiValue: Task = {
  name: "multi-value",
  hidden: VALUES,
  questions: 1,
  trial(seed) {
    const key = direction(seed, 0);
    const codes = shuffled(seed, CODES).slice(0, VALUES);
    return {
      hidden: codes.map((code) => ({ key, value: codeValue(code) })),
      questions: [key],
      score: ([answer]) => shareAmongFirst(answer!, codes),
    };
  },
};

/** The share of codes that fewer columns than there are codes are as large as. */
function shareAmongFirst(answer: Float32Array, codes: readonly number[]): number {
  if (answer.some(Number.isNaN)) return 0;
  const among = codes.filter((code) => {
    const notSmaller = answer.filter((weight, other) => other !== code && weight >= answer[code]!);
    return notSmaller.length < codes.length;
  });
  return among.length / codes.length;
}
