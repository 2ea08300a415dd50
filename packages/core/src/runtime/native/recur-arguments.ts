import type { RecurArguments } from "@saccade/native";
import type { RecurrenceJob } from "../../recurrence/recurrence.ts";
import { floatsOf, type Tensor } from "../../tensor.ts";
import { DECAY_CODE, MODE_CODE, panelColumns, RULE_CODE } from "../recur-codes.ts";
import type { NativePackage } from "./addon.ts";
import { fixed, putView } from "./arguments.ts";

/** What a recurrence writes, where that is not the job's own. */
export interface RecurTargets {
  readonly out: Tensor;
  readonly state: Float32Array;
  readonly normaliser: Float32Array | undefined;
}

/** A recurrence as the addon takes it, writing to `targets`. */
export function recurArguments(
  job: RecurrenceJob,
  { out, state, normaliser }: RecurTargets,
  isa: number,
  threads: number,
  places: NativePackage["RECUR_NUMBERS"],
): RecurArguments {
  const { shape, decay, rule } = job;
  const numbers = new Float64Array(places.count);
  numbers[places.isa] = isa;
  numbers[places.threads] = threads;
  numbers[places.B] = shape.batch;
  numbers[places.H] = shape.heads;
  numbers[places.G] = shape.kvHeads;
  numbers[places.V] = shape.valueHeads;
  numbers[places.N] = shape.tokens;
  numbers[places.D] = shape.headDim;
  numbers[places.E] = shape.valueDim;
  numbers[places.scale] = job.scale;
  numbers[places.panel] = panelColumns(shape, threads);
  numbers[places.decayKind] = DECAY_CODE[decay.kind];
  numbers[places.rule] = RULE_CODE[rule.kind];
  numbers[places.mode] = MODE_CODE[job.mode];
  putView(numbers, places.q, job.q);
  putView(numbers, places.k, job.k);
  putView(numbers, places.v, job.v);
  putView(numbers, places.out, out);
  if (decay.kind === "token" || decay.kind === "channel") putView(numbers, places.decay, decay.log);
  if (decay.kind === "head") numbers[places.decay + 2] = 1;
  if (rule.kind === "delta") putView(numbers, places.beta, rule.beta);
  if (rule.kind === "general") {
    putView(numbers, places.a, rule.a);
    putView(numbers, places.b, rule.b);
  }
  const logs = decay.kind === "none" ? undefined : decay.kind === "head" ? decay.log : floatsOf(decay.log);
  return [
    numbers,
    job.lengths,
    fixed("q", floatsOf(job.q)),
    fixed("k", floatsOf(job.k)),
    fixed("v", floatsOf(job.v)),
    fixed("out", floatsOf(out)),
    fixed("state", state),
    logs && fixed("decay", logs),
    rule.kind === "delta" ? fixed("beta", floatsOf(rule.beta)) : undefined,
    rule.kind === "general" ? fixed("a", floatsOf(rule.a)) : undefined,
    rule.kind === "general" ? fixed("b", floatsOf(rule.b)) : undefined,
    job.normaliser,
    normaliser,
  ];
}
