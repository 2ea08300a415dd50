import type { TaskName } from "../../cells/record.ts";
import type { Association } from "../haystack/haystack.ts";

/** One trial of a task: what it hides in a text, what it asks, and what the answers are worth. */
export interface Trial {
  readonly hidden: readonly Association[];
  /** Directions of its questions, [D] each. */
  readonly questions: readonly Float32Array[];
  /** 0..1, of the answers, [E] each. */
  score(answers: readonly Float32Array[]): number;
}

/** A task constructed from vectors after one of RULER (Hsieh et al. 2024, arXiv 2404.06654). */
export interface Task {
  readonly name: TaskName;
  /** Associations that a trial hides. */
  readonly hidden: number;
  /** Questions that a trial asks. */
  readonly questions: number;
  trial(seed: number): Trial;
}
