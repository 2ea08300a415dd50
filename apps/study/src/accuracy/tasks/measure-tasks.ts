import type { Candidate } from "@saccade/advisor";
import type { MeasureSettings, TaskScore } from "../../cells/record.ts";
import type { AccuracyContext } from "../accuracy-context.ts";
import { integerAt, seedFor, shuffled } from "../draws.ts";
import { Haystack, SPAN } from "../haystack/haystack.ts";
import { questionPlaces } from "../haystack/question-positions.ts";
import { Questioner, trialsAtOnce } from "../haystack/questioner.ts";
import { multiKey } from "./multi-key.ts";
import { multiValue } from "./multi-value.ts";
import { single } from "./single.ts";
import type { Task, Trial } from "./task.ts";
import { variableTracking } from "./variable-tracking.ts";

const TASKS: readonly Task[] = [single, multiKey, multiValue, variableTracking];
const HIDDEN: number = TASKS.reduce((sum, task) => sum + task.hidden, 0);
const [TEXT, TRIAL, SLOT, PLACE] = [21, 22, 23, 24];

/**
 * RULER-like tasks (Hsieh et al. 2024) constructed from vectors: `needleTrials` texts, each with one trial of every task hidden in it at
 * places drawn evenly over the text. All of them are hidden whichever are asked for, so that scores do not depend on that.
 *
 * @returns One score for each task asked for, in their order; none where N tokens have no room.
 */
export async function measureTasks(
  candidate: Candidate,
  length: number,
  settings: MeasureSettings,
  context: AccuracyContext,
): Promise<TaskScore[]> {
  const trials = settings.needleTrials;
  const { questions, body } = questionPlaces(length, TASKS.length);
  const slot = Math.floor(body / HIDDEN);
  if (settings.tasks.length === 0 || trials === 0 || slot < 1) return [];
  const asked = TASKS.map((task, n) => ({ task, n, position: questions[n]! })).filter(({ task }) =>
    settings.tasks.includes(task.name),
  );
  const together = trialsAtOnce(candidate, length, trials, context);
  const haystack = new Haystack(length, together);
  const questioner = new Questioner(candidate, haystack, context);
  const sums = new Map(settings.tasks.map((name) => [name, 0]));
  for (let first = 0; first < trials; first += together) {
    const texts = Array.from({ length: together }, (_, t) => {
      const seed = seedFor(context.seed ?? 1, TEXT, first + t);
      haystack.fill(t, seed);
      questioner.prepare(t, seed);
      return hideTrials(haystack, t, slot, seedFor(context.seed ?? 1, TRIAL, first + t));
    });
    await askToTheEnd(
      questioner,
      asked.map(({ n, position }) => ({ position, trials: texts.map((text) => text[n]!) })),
    );
    for (const { task, n } of asked) {
      const scores = texts.filter((_, t) => first + t < trials).map((text) => text[n]!.score());
      sums.set(task.name, sums.get(task.name)! + scores.reduce((sum, score) => sum + score, 0));
    }
  }
  return settings.tasks.map((task) => ({ task, trials, score: sums.get(task)! / trials }));
}

/** Hides a trial of every task in slots of equal length, one thing in each, at a place drawn inside it. */
function hideTrials(haystack: Haystack, text: number, slot: number, seed: number): Trial[] {
  const span = Math.max(1, Math.min(SPAN, slot >> 1));
  const slots = shuffled(seedFor(seed, SLOT, 0), HIDDEN);
  const trials = TASKS.map((task, n) => task.trial(seedFor(seed, TRIAL, n)));
  for (const [n, association] of trials.flatMap((trial) => trial.hidden).entries()) {
    const within = integerAt(seedFor(seed, PLACE, 0), n, slot - span + 1);
    haystack.hide(text, slots[n]! * slot + within, span, association);
  }
  return trials;
}

/** The same task in each text, at its question's position. */
interface Asked {
  readonly position: number;
  readonly trials: readonly Trial[];
}

/** Asks all first questions, then those that follow, until no answer leads to another. */
async function askToTheEnd(questioner: Questioner, asked: readonly Asked[]): Promise<void> {
  let open = asked.map(({ position, trials }) => ({
    position,
    trials,
    directions: trials.map((trial) => trial.question),
  }));
  while (open.length > 0) {
    const answers = await questioner.ask(open);
    open = open.flatMap(({ position, trials }, n) => {
      const directions = trials.map((trial, t) => trial.next(answers[n]![t]!)).filter((next) => next !== undefined);
      return directions.length === trials.length ? [{ position, trials, directions }] : [];
    });
  }
}
