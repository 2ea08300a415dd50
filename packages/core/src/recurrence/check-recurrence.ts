import { checkDistinct, checkTensor, overlap } from "../shape.ts";
import { describe, type Tensor } from "../tensor.ts";
import type { RecurrenceJob, RecurrenceShape } from "./recurrence.ts";

/**
 * What a runtime takes for granted of a job.
 *
 * @throws TypeError or RangeError naming `where` when tensors, gates and states do not fit the job's sizes.
 */
export function checkRecurrence(where: string, job: RecurrenceJob): void {
  const { shape, q, k, v, out, decay, rule, lengths, state, normaliser } = job;
  const { batch, heads, kvHeads, valueHeads, tokens, headDim, valueDim } = shape;
  checkHeadCounts(where, shape);
  checkSizes(where, "q", q, [batch, heads, tokens, headDim]);
  checkSizes(where, "k", k, [batch, kvHeads, tokens, headDim]);
  checkSizes(where, "v", v, [batch, valueHeads, tokens, valueDim]);
  if (decay.kind === "head") checkCount(where, "decay", decay.log, valueHeads, "V");
  if (decay.kind === "token") checkSizes(where, "decay", decay.log, [batch, valueHeads, tokens, 1]);
  if (decay.kind === "channel") checkSizes(where, "decay", decay.log, [batch, valueHeads, tokens, headDim]);
  if (rule.kind === "delta") checkSizes(where, "beta", rule.beta, [batch, valueHeads, tokens, 1]);
  if (rule.kind === "general") {
    checkSizes(where, "a", rule.a, [batch, valueHeads, tokens, headDim]);
    checkSizes(where, "b", rule.b, [batch, valueHeads, tokens, headDim]);
  }
  if (lengths !== undefined) checkLengths(where, lengths, batch, tokens);
  checkCount(where, "state", state, batch * valueHeads * headDim * valueDim, "B V D E");
  if (normaliser !== undefined) {
    checkCount(where, "normaliser", normaliser, batch * valueHeads * headDim, "B V D");
    if (rule.kind !== "additive") {
      throw new TypeError(`${where}: a normaliser goes with the additive rule, not with ${describe(rule.kind)}`);
    }
  }
  if (job.mode === "write") return;
  checkSizes(where, "out", out, [batch, Math.max(heads, valueHeads), tokens, valueDim]);
  checkDistinct(where, out);
  for (const input of [q, k, v]) {
    if (overlap(out, input)) throw new RangeError(`${where}: out overlaps an input`);
  }
}

/** G divides V, and one of H and V divides the other. */
export function checkHeadCounts(
  where: string,
  { heads, kvHeads, valueHeads }: Pick<RecurrenceShape, "heads" | "kvHeads" | "valueHeads">,
): void {
  if (valueHeads > 0 && (kvHeads === 0 || valueHeads % kvHeads !== 0)) {
    throw new RangeError(`${where}: k has G = ${kvHeads} heads, which does not divide V = ${valueHeads}`);
  }
  const [few, many] = [Math.min(heads, valueHeads), Math.max(heads, valueHeads)];
  if (many === 0 || (few > 0 && many % few === 0)) return;
  throw new RangeError(`${where}: H = ${heads} and V = ${valueHeads}, of which neither divides the other`);
}

/** Tokens of every batch element, which are at most those that there are. */
export function checkLengths(where: string, lengths: ArrayLike<number>, batch: number, tokens: number): void {
  if (lengths?.length !== batch) {
    throw new RangeError(`${where}: lengths has ${lengths?.length ?? "no"} elements, expected B = ${batch}`);
  }
  for (let b = 0; b < batch; b++) {
    const length = lengths[b]!;
    if (Number.isInteger(length) && length >= 0 && length <= tokens) continue;
    throw new RangeError(`${where}: lengths[${b}] is ${describe(length)}, expected an integer in 0..${tokens}`);
  }
}

export function checkSizes(
  where: string,
  what: string,
  view: Tensor,
  want: readonly [batch: number, heads: number, tokens: number, width: number],
): void {
  checkTensor(where, what, view);
  const got = [view.batch, view.heads, view.length, view.width];
  if (got.every((size, axis) => size === want[axis])) return;
  throw new RangeError(
    `${where}: ${what} has batch, heads, tokens and width [${got.join(", ")}], expected [${want.join(", ")}]`,
  );
}

function checkCount(where: string, what: string, data: Float32Array, count: number, letters: string): void {
  if (!(data instanceof Float32Array)) {
    throw new TypeError(`${where}: ${what} is ${describe(data)}, expected a Float32Array`);
  }
  if (data.length === count) return;
  throw new RangeError(`${where}: ${what} has ${data.length} numbers, expected ${letters} = ${count}`);
}
