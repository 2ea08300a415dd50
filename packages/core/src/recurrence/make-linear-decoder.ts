import type { Checkpoint } from "../decoder/decoder.ts";
import { History } from "../decoder/history.ts";
import type { RunInfo, Runtime } from "../runtime/runtime.ts";
import { readyRuntime, sharedRuntime, sharedRuntimeSync, withReasons, ALL_THREADS } from "../runtime/select.ts";
import { run, runSync } from "../selected/steps.ts";
import { checkSize, MAX_LENGTH } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { checkTokens, linearSizes, roomForOut } from "./check-linear.ts";
import type { Gate, LinearResult, LinearTokens } from "./linear-attention.ts";
import type {
  LinearAppendOptions,
  LinearDecoder,
  LinearDecoderOptions,
  SyncLinearAppendOptions,
} from "./linear-decoder.ts";
import { cacheBytes } from "./linear-plan.ts";
import { LinearState, type LinearSizes } from "./linear-state.ts";
import type { LinearCall, LinearVariant } from "./linear-variant.ts";
import { cutTokens } from "./panels.ts";
import { tokenRows } from "./rows.ts";
import { TokenLog } from "./token-log.ts";

/** The decoder of a variant. */
export function makeLinearDecoder<G extends Gate>(
  variant: LinearVariant<G>,
  options: LinearDecoderOptions,
): LinearDecoder<G> {
  return new StateDecoder(variant, options);
}

/** Operations up to which a call on native runs before its promise is returned. */
const INLINE_WORK = 64e6;

/** An older state, and the tokens after it. */
interface Past<G extends Gate> {
  readonly state: LinearState;
  readonly log: TokenLog<G>;
}

class StateDecoder<G extends Gate> implements LinearDecoder<G> {
  readonly capacity: number;
  readonly cacheBytes: number;
  readonly #variant: LinearVariant<G>;
  readonly #name: string;
  readonly #sizes: LinearSizes;
  readonly #choice: NonNullable<LinearDecoderOptions["runtime"]>;
  readonly #threads: number | undefined;
  readonly #rewindable: number;
  readonly #states = new WeakMap<Checkpoint, LinearState>();
  #history: History;
  /** Tokens before those that the history counts: a restored state's. */
  #before = 0;
  #state: LinearState;
  readonly #past: Past<G> | undefined;
  #running: Promise<unknown> | undefined;
  /** What the last call ran on. */
  #runtime: Runtime | undefined;
  #disposed = false;
  #broken: unknown;

  constructor(variant: LinearVariant<G>, options: LinearDecoderOptions) {
    const where = `${variant.name}.decoder`;
    if (!variant.causal) throw new TypeError(`${where}: there is no decoder where tokens see later ones`);
    const { capacity = variant.most ?? MAX_LENGTH, rewindable = 0 } = options;
    const most = variant.most ?? MAX_LENGTH;
    this.#sizes = linearSizes(where, options);
    variant.check?.(where, this.#sizes);
    if (checkSize(where, "capacity", capacity, 0) > most) {
      throw new RangeError(`${where}: capacity is ${capacity}, expected at most ${most}`);
    }
    this.#variant = variant;
    this.#name = where;
    this.#choice = options.runtime ?? "auto";
    this.#threads = options.threads;
    this.#rewindable = checkSize(where, "rewindable", rewindable, 0);
    this.#history = new History(rewindable);
    this.#state = this.#newState();
    this.#past =
      rewindable === 0
        ? undefined
        : { state: this.#newState(), log: new TokenLog(variant, this.#sizes, 2 * rewindable) };
    this.capacity = capacity;
    this.cacheBytes = cacheBytes(variant, this.#sizes, rewindable);
  }

  get length(): number {
    return this.#before + this.#history.length;
  }

  async append(inputs: LinearTokens<G>, options?: LinearAppendOptions): Promise<LinearResult> {
    const where = `${this.#name}.append`;
    options?.signal?.throwIfAborted();
    const { call, out } = this.#begin(where, inputs, options?.out);
    const appending = this.#append(where, call, out, options);
    this.#running = appending;
    try {
      return await appending;
    } finally {
      this.#running = undefined;
    }
  }

  async #append(
    where: string,
    call: LinearCall<G>,
    out: Tensor,
    options: LinearAppendOptions | undefined,
  ): Promise<LinearResult> {
    const runtime = readyRuntime(this.#choice) ?? (await sharedRuntime(this.#choice));
    if (runtime.name === "native" && this.#variant.flops(this.#sizes, call.tokens) <= INLINE_WORK) {
      return this.#appendInPlace(where, call, out, runtime, options);
    }
    // What is cancelled half-way has written a part of the state.
    const state = this.#state.copy();
    const how = { where, runtime, choice: this.#choice, options: { threads: this.#threads, ...options } };
    let info: RunInfo | undefined;
    let kept: LinearState | undefined;
    for (const part of this.#parts(call, out)) {
      kept = part.keeps ? state.copy() : kept;
      info = await run(this.#variant.steps(part.call, state, part.out), how);
      advance(state, part.call);
    }
    this.#state = state;
    this.#end(where, call, kept, runtime);
    return this.#result(out, info, runtime);
  }

  appendSync(inputs: LinearTokens<G>, options?: SyncLinearAppendOptions): LinearResult {
    const where = `${this.#name}.appendSync`;
    const { call, out } = this.#begin(where, inputs, options?.out);
    return this.#appendInPlace(where, call, out, sharedRuntimeSync(this.#choice), options);
  }

  #appendInPlace(
    where: string,
    call: LinearCall<G>,
    out: Tensor,
    runtime: Runtime,
    options: SyncLinearAppendOptions | undefined,
  ): LinearResult {
    const how = { where, runtime, choice: this.#choice, options: { threads: this.#threads, ...options } };
    let info: RunInfo | undefined;
    let kept: LinearState | undefined;
    try {
      for (const part of this.#parts(call, out)) {
        kept = part.keeps ? this.#state.copy() : kept;
        info = runSync(this.#variant.steps(part.call, this.#state, part.out), how);
        advance(this.#state, part.call);
      }
    } catch (error) {
      this.#broken = error;
      throw error;
    }
    this.#end(where, call, kept, runtime);
    return this.#result(out, info, runtime);
  }

  /** Long calls in two parts, where the state between them is the one that taking tokens back starts from. */
  #parts(
    call: LinearCall<G>,
    out: Tensor,
  ): { readonly call: LinearCall<G>; readonly out: Tensor; readonly keeps: boolean }[] {
    const first = call.tokens - this.#rewindable;
    if (this.#past === undefined || first < 0) return [{ call, out, keeps: false }];
    const parts = [{ call: cutCall(call, first, call.tokens), out: tokenRows(out, first, call.tokens), keeps: true }];
    if (first > 0) parts.unshift({ call: cutCall(call, 0, first), out: tokenRows(out, 0, first), keeps: false });
    return parts;
  }

  state(): LinearState {
    this.#checkIdle(`${this.#name}.state`);
    return this.#state.copy();
  }

  serialize(): Uint8Array {
    this.#checkIdle(`${this.#name}.serialize`);
    return this.#state.serialize();
  }

  checkpoint(): Checkpoint {
    this.#checkIdle(`${this.#name}.checkpoint`);
    const checkpoint = Object.freeze({ length: this.length });
    this.#states.set(checkpoint, this.#state.copy());
    return checkpoint;
  }

  restore(from: Checkpoint | Uint8Array): void {
    const where = `${this.#name}.restore`;
    this.#checkIdle(where);
    const state = from instanceof Uint8Array ? this.#newState().read(where, from) : this.#states.get(from)?.copy();
    if (state === undefined) throw new TypeError(`${where}: the checkpoint is not one of this decoder`);
    const length = commonLength(where, state.tokens);
    if (length > this.capacity) {
      throw new RangeError(`${where}: capacity ${this.capacity}, the state has seen ${length} tokens`);
    }
    this.#state = state;
    this.#past?.state.set(state);
    this.#past?.log.truncate(0);
    this.#before = length;
    this.#history = new History(this.#rewindable);
  }

  rewind(tokens: number): void {
    const where = `${this.#name}.rewind`;
    this.#checkIdle(where);
    const past = this.#past;
    const kept = past === undefined ? this.#history.length : this.#history.length - past.log.length;
    this.#history.rewind(where, tokens, kept);
    if (past === undefined || tokens === 0) return;
    past.log.truncate(past.log.length - tokens);
    this.#state = past.state.copy();
    this.#replay(where, this.#state, past.log.length, this.#runtime ?? sharedRuntimeSync(this.#choice));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    await this.#running?.catch(() => undefined);
  }

  #newState(): LinearState {
    const { name, stateName = name, stateParts } = this.#variant;
    return new LinearState(stateName, this.#sizes, stateParts(this.#sizes));
  }

  #checkIdle(where: string): void {
    if (this.#disposed) throw new Error(`${where}: the decoder is disposed`);
    if (this.#running !== undefined) throw new Error(`${where}: another append is still running`);
    if (this.#broken === undefined) return;
    throw new Error(`${where}: an append failed after it had written a part of the state`, { cause: this.#broken });
  }

  #begin(
    where: string,
    inputs: LinearTokens<G>,
    given: Tensor | undefined,
  ): { readonly call: LinearCall<G>; readonly out: Tensor } {
    this.#checkIdle(where);
    const call = checkTokens(where, this.#variant, inputs, undefined);
    for (const [size, expected] of Object.entries(this.#sizes) as [keyof LinearSizes, number][]) {
      if (call.sizes[size] === expected) continue;
      throw new RangeError(`${where}: ${size} is ${call.sizes[size]}, the decoder was made for ${expected}`);
    }
    const asked = this.length + call.tokens;
    if (asked > this.capacity) throw new RangeError(`${where}: full: capacity ${this.capacity}, asked for ${asked}`);
    return { call, out: roomForOut(where, call, given) };
  }

  /** Counts the tokens of a call, and keeps what taking them back needs. `kept`: the state before the last `rewindable` of them. */
  #end(where: string, { inputs, tokens }: LinearCall<G>, kept: LinearState | undefined, runtime: Runtime): void {
    const past = this.#past;
    this.#runtime = runtime;
    this.#history.grow(tokens);
    if (past === undefined) return;
    if (kept !== undefined) {
      past.state.set(kept);
      past.log.truncate(0);
      past.log.push(inputs, tokens - this.#rewindable, tokens);
      return;
    }
    const over = past.log.length + tokens - this.#rewindable;
    if (past.log.length + tokens > 2 * this.#rewindable) {
      const moved = Math.min(over, past.log.length);
      this.#replay(where, past.state, moved, runtime);
      past.log.drop(moved);
    }
    past.log.push(inputs, 0, tokens);
  }

  /** Runs the oldest tokens of the log through a state. */
  #replay(where: string, state: LinearState, tokens: number, runtime: Runtime): void {
    if (tokens === 0) return;
    const inputs = this.#past!.log.first(tokens);
    const lengths = new Int32Array(this.#sizes.batch).fill(tokens);
    const call = { where, sizes: this.#sizes, tokens, inputs, lengths };
    const options = { threads: this.#threads };
    runSync(this.#variant.steps(call, state, undefined), { where, runtime, choice: this.#choice, options });
    advance(state, call);
  }

  #result(out: Tensor, ran: RunInfo | undefined, opened: Runtime): LinearResult {
    const info = withReasons(this.#choice, ran ?? opened.info(ALL_THREADS));
    const { runtime, instructionSet, threads, notTaken } = info;
    return { out, runtime, instructionSet, threads, notTaken };
  }
}

function advance<G extends Gate>({ tokens }: LinearState, { lengths }: LinearCall<G>): void {
  for (const [b, length] of lengths.entries()) tokens[b]! += length;
}

/** Tokens [from, to) of a call whose batch elements have all of them. */
function cutCall<G extends Gate>(call: LinearCall<G>, from: number, to: number): LinearCall<G> {
  const lengths = new Int32Array(call.sizes.batch).fill(to - from);
  return { ...call, tokens: to - from, inputs: cutTokens(call.inputs, from, to), lengths };
}

/** A decoder's batch elements have seen equally many tokens. */
function commonLength(where: string, tokens: Int32Array): number {
  const length = tokens[0] ?? 0;
  const other = tokens.find((count) => count !== length);
  if (other === undefined) return length;
  throw new RangeError(`${where}: batch elements have seen ${length} and ${other} tokens, expected equally many`);
}
