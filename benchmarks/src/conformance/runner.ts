import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { RunInfo, RuntimeName } from "@saccade/core";
import { difference } from "./compare.ts";
import { operatorName } from "./operator-name.ts";
import { operators } from "./operators.ts";
import { type OnnxGraph, type OnnxTensor, decodeModel, decodeTensor } from "./proto.ts";
import { Unsupported } from "./unsupported.ts";

/** How one test ended. `detail` says what differed, or what is not implemented. */
export interface TestResult {
  readonly name: string;
  readonly status: "passed" | "failed" | "skipped";
  readonly detail: string | undefined;
}

/** Where the attention of the tests runs. */
export interface RunOptions {
  /** Default "auto". */
  readonly runtime?: "auto" | RuntimeName;
  /** Told what every call of attention ran on. */
  readonly onRun?: (ran: RunInfo) => void;
}

/** Runs every `test_*` folder of `folder` in the order of names, and yields a result for each. */
export async function* runFolder(folder: string, options: RunOptions = {}): AsyncGenerator<TestResult> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isDirectory() && entry.name.startsWith("test_"))
    .map(({ name }) => name);
  for (const name of names.toSorted()) {
    // One test at a time: its attention may use every core.
    // oxlint-disable-next-line no-await-in-loop
    yield { name, ...(await runTest(join(folder, name), options)) };
  }
}

/** Runs all data sets of one test folder. */
export async function runTest(folder: string, options: RunOptions = {}): Promise<Omit<TestResult, "name">> {
  try {
    const model = decodeModel(await readFile(join(folder, "model.onnx")));
    const sets = (await readdir(folder)).filter((name) => name.startsWith("test_data_set_")).toSorted();
    if (sets.length === 0) return { status: "failed", detail: "no test_data_set_* folder" };
    for (const set of sets) {
      // oxlint-disable-next-line no-await-in-loop
      const detail = await runDataSet(model, join(folder, set), options);
      if (detail !== undefined) return { status: "failed", detail: `${set}: ${detail}` };
    }
    return { status: "passed", detail: undefined };
  } catch (error) {
    if (error instanceof Unsupported) return { status: "skipped", detail: error.message };
    return { status: "failed", detail: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
}

const runDataSet = async (model: OnnxGraph, folder: string, options: RunOptions): Promise<string | undefined> => {
  // Named before tensors are read: an operator that is missing is the reason to give, whatever its inputs hold.
  for (const { domain, operator } of model.nodes) {
    if (!operators.has(operatorName(domain, operator)))
      throw new Unsupported(`operator ${operatorName(domain, operator)}`);
  }
  const values = new Map(model.constants);
  const inputs = model.inputs.filter((name) => !model.constants.has(name));
  await Promise.all(inputs.map(async (name, i) => values.set(name, await readTensor(join(folder, `input_${i}.pb`)))));
  await evaluate(model, values, options);
  for (const [i, name] of model.outputs.entries()) {
    const actual = values.get(name);
    if (actual === undefined) return `output ${name} was not computed`;
    // oxlint-disable-next-line no-await-in-loop
    const found = difference(actual, await readTensor(join(folder, `output_${i}.pb`)));
    if (found !== undefined) return `output ${name}: ${found}`;
  }
  return undefined;
};

const readTensor = async (file: string): Promise<OnnxTensor> => decodeTensor(await readFile(file));

/** Runs the nodes in their order, which ONNX guarantees to be topological. */
const evaluate = async (model: OnnxGraph, values: Map<string, OnnxTensor>, options: RunOptions): Promise<void> => {
  for (const node of model.nodes) {
    const name = operatorName(node.domain, node.operator);
    const run = operators.get(name);
    if (run === undefined) throw new Unsupported(`operator ${name}`);
    // oxlint-disable-next-line no-await-in-loop
    const outputs = await run({
      operator: name,
      inputs: node.inputs.map((input) => (input === "" ? undefined : valueOf(values, input))),
      attributes: node.attributes,
      wanted: node.outputs.map((output) => output !== ""),
      outer: values,
      runtime: options.runtime ?? "auto",
      onRun: options.onRun,
    });
    for (const [i, output] of node.outputs.entries()) {
      const value = outputs[i];
      if (output !== "" && value !== undefined) values.set(output, value);
    }
  }
};

const valueOf = (values: ReadonlyMap<string, OnnxTensor>, name: string): OnnxTensor => {
  const value = values.get(name);
  if (value === undefined) throw new TypeError(`model.onnx: nothing computes ${name}`);
  return value;
};
