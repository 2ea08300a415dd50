import type { TaskName } from "../../cells/record.ts";
import type { Association } from "../haystack/haystack.ts";

/** One trial of a task: what it hides in a text, what it asks, and what the answers are worth. */
export interface Trial {
  readonly hidden: readonly Association[];
  /** Direction of the first question, [D]. */
  readonly question: Float32Array;
  /** Takes an answer [E]. Returns the direction of the question that follows from it, undefined after the last. */
  next(answer: Float32Array): Float32Array | undefined;
  /** 0..1, of the answers so far. */
  score(): number;
}

/** A task constructed from vectors after one of RULER (Hsieh et al. 2024, arXiv 2404.06654). */
export interface Task {
  readonly name: TaskName;
  /** Associations that a trial hides. */
  readonly hidden: number;
  trial(seed: number): Trial;
}
