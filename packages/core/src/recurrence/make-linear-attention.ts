import { ALL_THREADS, readyRuntime, sharedRuntime, sharedRuntimeSync, withReasons } from "../runtime/select.ts";
import type { RunInfo, Runtime } from "../runtime/runtime.ts";
import { run, runSync } from "../selected/steps.ts";
import type { RuntimeChoice } from "../runtime/select.ts";
import type {
  Gate,
  LinearAttention,
  LinearInputs,
  LinearOptions,
  LinearPlanShape,
  LinearResult,
  LinearResultFor,
  LinearSizeOptions,
  SyncLinearOptions,
} from "./linear-attention.ts";
import { checkLinear, linearSizes, roomForOut, type CheckedCall } from "./check-linear.ts";
import { makeLinearDecoder } from "./make-linear-decoder.ts";
import type { LinearDecoderOptions } from "./linear-decoder.ts";
import { planLinear } from "./linear-plan.ts";
import { LinearState, readHeader } from "./linear-state.ts";
import type { LinearVariant } from "./linear-variant.ts";

/** Makes a LinearAttention of a variant: checks, states, runtime, result. */
export function linearAttention<G extends Gate = never>(variant: LinearVariant<G>): LinearAttention<G> {
  const { name, causal } = variant;
  return {
    name,
    selection: "static",
    gates: variant.gates.map((gate) => gate.name),
    causal,
    async forward<const O extends LinearOptions>(inputs: LinearInputs<G>, options?: O): Promise<LinearResultFor<O>> {
      const where = `${name}.forward`;
      options?.signal?.throwIfAborted();
      checkOptions(where, options);
      const { call, state } = checkLinear(where, variant, inputs, options?.state === true);
      const out = roomForOut(where, call, options?.out);
      const choice = options?.runtime ?? "auto";
      const runtime = readyRuntime(choice) ?? (await sharedRuntime(choice));
      const info = await run(variant.steps(call, state, out), { where, runtime, choice, options });
      return resultOf({ call, state }, out, ranOn(info, runtime, choice), options) as LinearResultFor<O>;
    },
    forwardSync<const O extends SyncLinearOptions>(inputs: LinearInputs<G>, options?: O): LinearResultFor<O> {
      const where = `${name}.forwardSync`;
      checkOptions(where, options);
      const { call, state } = checkLinear(where, variant, inputs, options?.state === true);
      const out = roomForOut(where, call, options?.out);
      const choice = options?.runtime ?? "auto";
      const runtime = sharedRuntimeSync(choice);
      const info = runSync(variant.steps(call, state, out), { where, runtime, choice, options });
      return resultOf({ call, state }, out, ranOn(info, runtime, choice), options) as LinearResultFor<O>;
    },
    plan: (shape: LinearPlanShape) => planLinear(variant, shape),
    reference(inputs: LinearInputs<G>) {
      const { call, state } = checkLinear(`${name}.reference`, variant, inputs, false);
      return variant.reference(call, state);
    },
    parallel(inputs: LinearInputs<G>, precision: "float64" | "f32" = "float64"): Float64Array {
      const { call, state } = checkLinear(`${name}.parallel`, variant, inputs, false);
      return variant.parallel(call, state, precision === "f32");
    },
    state: (sizes: LinearSizeOptions) => newState(`${name}.state`, variant, sizes),
    deserialize(bytes: Uint8Array): LinearState {
      const where = `${name}.deserialize`;
      return newState(where, variant, readHeader(where, bytes).sizes).read(where, bytes);
    },
    decoder: (options: LinearDecoderOptions) => makeLinearDecoder(variant, options),
  };
}

/** @throws TypeError for what only a softmax has. */
function checkOptions(where: string, options: object | undefined): void {
  const given = options as Readonly<Record<string, unknown>> | undefined;
  for (const name of ["lse", "partial"]) {
    if (given?.[name] === true) throw new TypeError(`${where}: there is no ${name}, which only a softmax has`);
  }
}

function newState<G extends Gate>(where: string, variant: LinearVariant<G>, options: LinearSizeOptions): LinearState {
  if (!variant.causal) throw new TypeError(`${where}: there is no state where tokens see later ones`);
  const sizes = linearSizes(where, options);
  variant.check?.(where, sizes);
  return new LinearState(variant.stateName ?? variant.name, sizes, variant.stateParts(sizes));
}

/** What steps ran on; without any, what they would have. */
export function ranOn(info: RunInfo | undefined, runtime: Runtime, choice: RuntimeChoice): RunInfo {
  return withReasons(choice, info ?? runtime.info(ALL_THREADS));
}

/** Counts the tokens of a call that ran, and returns what options ask for. */
function resultOf<G extends Gate>(
  { call, state }: CheckedCall<G>,
  out: LinearResult["out"],
  { runtime, instructionSet, threads, notTaken }: RunInfo,
  options: SyncLinearOptions | undefined,
): LinearResult {
  const base = { out, runtime, instructionSet, threads, notTaken };
  if (options?.state !== true) return base;
  for (const [b, length] of call.lengths.entries()) state.tokens[b]! += length;
  return { ...base, state };
}
