import type { Candidate } from "@saccade/advisor";
import type { MeasureSettings, TaskScore } from "../../cells/record.ts";
import type { AccuracyContext } from "../accuracy-context.ts";
import { integerAt, seedFor, shuffled } from "../draws.ts";
import { Haystack, SPAN } from "../haystack/haystack.ts";
import { questionPlaces } from "../haystack/question-positions.ts";
import { planRounds, Questioner } from "../haystack/questioner.ts";
import { multiKey } from "./multi-key.ts";
import { multiValue } from "./multi-value.ts";
import { single } from "./single.ts";
import type { Task, Trial } from "./task.ts";
import { variableTracking } from "./variable-tracking.ts";

const TASKS: readonly Task[] = [single, multiKey, multiValue, variableTracking];
const HIDDEN: number = TASKS.reduce((sum, task) => sum + task.hidden, 0);
const QUESTIONS: number = TASKS.reduce((sum, task) => sum + task.questions, 0);
const [TEXT, TRIAL, SLOT, PLACE] = [21, 22, 23, 24];

/**
 * RULER-like tasks (Hsieh et al. 2024) constructed from vectors: `needleTrials` texts, each with one trial of every task hidden in it at
 * places drawn evenly over the text. All of them are hidden and asked whichever are wanted, so that scores do not depend on that.
 *
 * @returns One score for each task asked for, in their order; none where N tokens have no room, or the variant refuses them. `trials` are
 * fewer than asked for where each needs a call of all rows and they would take too long, or time ran out.
 */
export async function measureTasks(
  candidate: Candidate,
  length: number,
  settings: MeasureSettings,
  context: AccuracyContext,
): Promise<TaskScore[]> {
  const { questions, body } = questionPlaces(candidate, length, QUESTIONS);
  const slot = Math.floor(body / HIDDEN);
  const rounds = planRounds(candidate, length, settings.needleTrials, context);
  if (settings.tasks.length === 0 || slot < 1 || rounds === undefined) return [];
  const { trials, together } = rounds;
  const { seed = 1 } = context;
  const haystack = new Haystack(length, together);
  const questioner = new Questioner(candidate, haystack, context);
  const sums = TASKS.map(() => 0);
  let done = 0;
  for (let first = 0; first < trials && !context.outOfTime?.(); first += together) {
    const texts = Array.from({ length: together }, (_, t) => {
      const hay = seedFor(seed, TEXT, first + t);
      haystack.fill(t, hay);
      questioner.prepare(t, hay);
      return hideTrials(haystack, t, slot, seedFor(seed, TRIAL, first + t));
    });
    const asked = texts.map((text) => text.flatMap((trial) => trial.questions));
    const answers = await questioner.ask(
      questions.map((position, n) => ({ position, directions: asked.map((directions) => directions[n]!) })),
    );
    for (const [t, text] of texts.slice(0, trials - first).entries()) {
      let at = 0;
      for (const [n, trial] of text.entries()) {
        const own = answers.slice(at, (at += trial.questions.length)).map((byText) => byText[t]!);
        sums[n]! += trial.score(own);
      }
    }
    done = Math.min(trials, first + together);
  }
  if (done === 0) return [];
  return settings.tasks.map((name) => ({
    task: name,
    trials: done,
    score: sums[TASKS.findIndex((task) => task.name === name)]! / done,
  }));
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
