import { candidate, PHASES, PRETRAINED, recommend, RUNTIMES, TASKS, type RecommendRequest } from "@saccade/advisor";
import { type ArgDef, type ArgsDef, type CommandDef, defineCommand } from "citty";
import { openInput } from "../input/open-input.ts";
import { recommendationText } from "../report/recommendation.ts";
import { UsageError } from "../settings/usage-error.ts";
import { type Flags, listOf, oneOf, readFlags, wholeNumber } from "./flags.ts";
import { byteCount, duration, tokenCount } from "./sizes.ts";

type RecommendFlag =
  | ("length" | "phase" | "batch" | "heads" | "kv-heads" | "head-dim" | "causal" | "layers")
  | ("memory" | "latency" | "runtime" | "threads" | "pretrained" | "task" | "qkv" | "layer" | "min-mass-recall")
  | ("variants" | "cache" | "code" | "json");

const RECOMMEND_ARGS: Readonly<Record<RecommendFlag, ArgDef>> = {
  length: { type: "string", valueHint: "32k", description: "tokens of the prompt, or behind a step; k and m as 1024" },
  phase: { type: "string", default: "both", valueHint: PHASES.join("|"), description: "a prompt, steps, or both" },
  batch: { type: "string", default: "1", valueHint: "B", description: "sequences at a time" },
  heads: { type: "string", valueHint: "H", description: "query heads" },
  "kv-heads": { type: "string", valueHint: "G", description: "key heads, which divide the query heads (as many)" },
  "head-dim": { type: "string", valueHint: "D", description: "width of queries, keys and values" },
  causal: {
    type: "boolean",
    default: true,
    negativeDescription: "queries see later keys",
    description: "hide later keys",
  },
  layers: { type: "string", default: "1", valueHint: "L", description: "layers of the model" },
  memory: { type: "string", valueHint: "2GB", description: "bytes at most, of a layer's work and all layers' caches" },
  latency: {
    type: "string",
    valueHint: "5ms",
    description: "of a step at most, or of the prompt with --phase prefill",
  },
  runtime: { type: "string", default: "auto", valueHint: RUNTIMES.join("|"), description: "where it shall run" },
  threads: { type: "string", valueHint: "N", description: "threads at most (all cores)" },
  pretrained: {
    type: "string",
    default: "softmax",
    valueHint: PRETRAINED.join("|"),
    description: "what weights were trained with; none where they will be trained with what is chosen",
  },
  task: { type: "string", default: "mixed", valueHint: TASKS.join("|"), description: "what attention has to do" },
  qkv: { type: "string", valueHint: "FILE.safetensors", description: "captured q, k and v, to measure accuracy on" },
  layer: { type: "string", valueHint: "NAME", description: "layer of the capture, NAME.q and so on" },
  "min-mass-recall": {
    type: "string",
    valueHint: "0.95",
    description: "share of dense attention's mass to keep on --qkv",
  },
  variants: { type: "string", valueHint: "window:1024,dense", description: "choose among these only" },
  cache: {
    type: "boolean",
    default: true,
    negativeDescription: "measure the machine anew and keep nothing",
    description: "keep what the machine was measured for in the user's cache folder",
  },
  code: {
    type: "boolean",
    default: true,
    negativeDescription: "leave out the program",
    description: "print the program",
  },
  json: { type: "boolean", default: false, description: "print the whole answer as JSON" },
};

/** `saccade recommend`: which attention for a workload. */
export const recommendCommand: CommandDef = defineCommand({
  meta: { name: "recommend", description: "Which attention for a workload, with its cost, its accuracy and its code" },
  args: RECOMMEND_ARGS as ArgsDef,
  async run({ args }) {
    const flags = readFlags(args, RECOMMEND_ARGS);
    const request = requestOf(flags);
    const answer = await recommend(request, { cache: flags.isOn("cache") });
    const text = flags.isOn("json")
      ? JSON.stringify(answer, undefined, 2)
      : recommendationText(answer, flags.isOn("code"));
    process.stdout.write(`${text}\n`);
    if (answer.choices.length === 0) process.exitCode = 1;
  },
});

function requestOf(flags: Flags<RecommendFlag>): RecommendRequest {
  const sizes = headsOf(flags);
  const number = (flag: "batch" | "layers" | "threads"): number | undefined => {
    const text = flags.text(flag);
    return text === undefined ? undefined : wholeNumber(flag, text, 1);
  };
  const [memory, latency, variants] = [flags.text("memory"), flags.text("latency"), flags.text("variants")];
  const phase = oneOf("phase", flags.text("phase") ?? "both", PHASES);
  if (!flags.isOn("causal") && phase !== "prefill") throw new UsageError("--no-causal goes with --phase prefill only");
  return {
    ...sizes,
    phase,
    batch: number("batch"),
    layers: number("layers"),
    threads: number("threads"),
    causal: flags.isOn("causal"),
    memoryBytes: memory === undefined ? undefined : byteCount("memory", memory),
    latencyMs: latency === undefined ? undefined : duration("latency", latency),
    runtime: oneOf("runtime", flags.text("runtime") ?? "auto", RUNTIMES),
    pretrained: oneOf("pretrained", flags.text("pretrained") ?? "softmax", PRETRAINED),
    task: oneOf("task", flags.text("task") ?? "mixed", TASKS),
    minMassRecall: recallOf(flags),
    variants: variants === undefined ? undefined : knownVariants(listOf("variants", variants)),
  };
}

/** Sizes of heads, and with a capture its tokens. */
function headsOf(
  flags: Flags<RecommendFlag>,
): Pick<RecommendRequest, "seqLen" | "heads" | "kvHeads" | "headDim" | "qkv"> {
  const [file, length] = [flags.text("qkv"), flags.text("length")];
  if (file === undefined) {
    if (flags.text("layer") !== undefined) throw new UsageError("--layer goes with --qkv only");
    const needed = (flag: "heads" | "head-dim"): number => wholeNumber(flag, required(flags, flag), 1);
    const [heads, kvHeads] = [needed("heads"), flags.text("kv-heads")];
    const keyHeads = kvHeads === undefined ? heads : wholeNumber("kv-heads", kvHeads, 1);
    if (heads % keyHeads !== 0) throw new UsageError(`--kv-heads ${keyHeads} does not divide --heads ${heads}`);
    return {
      seqLen: tokenCount("length", required(flags, "length")),
      ...{ heads, kvHeads: keyHeads, headDim: needed("head-dim") },
    };
  }
  for (const flag of ["heads", "kv-heads", "head-dim"] as const) {
    if (flags.text(flag) !== undefined) throw new UsageError(`--${flag} does not go with --qkv, which brings its own`);
  }
  const input = openInput({ kind: "safetensors", file, layer: flags.text("layer") });
  const { heads, kvHeads, headDim, maxLength } = input;
  return {
    seqLen: length === undefined ? maxLength : tokenCount("length", length),
    ...{ heads, kvHeads, headDim },
    qkv: input.slice(maxLength, { first: 0, count: kvHeads }),
  };
}

function required(flags: Flags<RecommendFlag>, flag: "length" | "heads" | "head-dim"): string {
  const text = flags.text(flag);
  if (text === undefined) throw new UsageError(`--${flag} is missing; as in --length 32k --heads 8 --head-dim 64`);
  return text;
}

function recallOf(flags: Flags<RecommendFlag>): number | undefined {
  const text = flags.text("min-mass-recall");
  if (text === undefined) return undefined;
  if (flags.text("qkv") === undefined) throw new UsageError("--min-mass-recall needs --qkv to measure it on");
  const share = Number(text);
  if (text.trim() !== "" && share >= 0 && share <= 1) return share;
  throw new UsageError(`--min-mass-recall expects a number in 0..1, got "${text}"`);
}

function knownVariants(ids: readonly string[]): readonly string[] {
  for (const id of ids) {
    try {
      candidate(id);
    } catch (error) {
      throw new UsageError(`--variants: ${(error as Error).message}`, { cause: error });
    }
  }
  return ids;
}
