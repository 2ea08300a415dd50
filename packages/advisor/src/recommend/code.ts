import type { Candidate } from "../catalogue/candidate.ts";
import type { WholeRequest } from "./request.ts";

/** Letters of sizes, as programs name them. */
const AXES: Readonly<Record<string, string>> = {
  B: "batch",
  H: "heads",
  G: "kvHeads",
  V: "kvHeads",
  N: "length",
  M: "length",
  D: "headDim",
};

/** What stands in for a model's gates: numbers that keep states finite. */
const FILLS: Readonly<Record<string, string>> = {
  decay: "-0.1",
  beta: "0.5",
  dt: "0.01",
  a: "1 / Math.sqrt(headDim)",
  b: "-0.5 / Math.sqrt(headDim)",
  levels: "1",
  gates: "0.5",
  indexWeights: "1",
};

/** The command that brings what the code imports. */
export function installLine({ packageName, code }: Candidate): string {
  return `npm install ${packagesOf(packageName, Object.keys(code.otherImports)).join(" ")}`;
}

/** A program in JavaScript that runs the variant at the request's sizes, with random numbers where a model's belong. */
export function programOf(candidate: Candidate, request: WholeRequest): string {
  const { code, packageName } = candidate;
  const { phase, batch, heads, kvHeads, seqLen, headDim } = request;
  const imports = new Map<string, readonly string[]>([
    [packageName, code.imports],
    ...Object.entries(code.otherImports),
  ]);
  imports.set("@saccade/core", [...(imports.get("@saccade/core") ?? []), "tensor"]);
  const made = Object.entries(code.inputs);
  const tokens = ["q", "k", "v", ...made.map(([name]) => name)].join(", ");
  const lines = [
    ...[...imports]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([home, names]) => `import { ${names.toSorted().join(", ")} } from "${home}";`),
    "",
    `const [batch, heads, kvHeads, tokens, headDim] = [${[batch, heads, kvHeads, seqLen, headDim].join(", ")}];`,
    "const numbers = (shape, fill) => {",
    "  const data = new Float32Array(shape.reduce((a, b) => a * b));",
    "  for (let i = 0; i < data.length; i++) data[i] = fill();",
    "  return tensor(data, { shape });",
    "};",
    "const noise = () => Math.random() - 0.5;",
    "// What a model computes stands here.",
    "const make = (length) => ({",
    "  q: numbers([batch, heads, length, headDim], noise),",
    "  k: numbers([batch, kvHeads, length, headDim], noise),",
    "  v: numbers([batch, kvHeads, length, headDim], noise),",
    ...made.map(([name, { sizes }]) => `  ${name}: numbers(${shapeText(sizes)}, ${fillText(name)}),`),
    "});",
    "",
    `const attend = ${code.expression};`,
    ...(phase === "prefill" ? prefillLines(request, tokens) : decodeLines(request)),
  ];
  return `${lines.join("\n")}\n`;
}

function prefillLines({ runtime }: WholeRequest, tokens: string): string[] {
  return [
    `const { ${tokens} } = make(tokens);`,
    `const result = await attend.forward({ ${tokens} }${runtime === "auto" ? "" : `, { runtime: "${runtime}" }`});`,
    "console.log(`${result.out.length} rows on ${result.runtime}`);",
  ];
}

function decodeLines({ runtime }: WholeRequest): string[] {
  const options = `batch, heads, kvHeads, headDim, capacity: tokens + 1024${runtime === "auto" ? "" : `, runtime: "${runtime}"`}`;
  return [
    `const decoder = attend.decoder({ ${options} });`,
    "await decoder.append(make(tokens));",
    "const step = decoder.appendSync(make(1));",
    "console.log(`${decoder.length} tokens in ${decoder.cacheBytes} bytes on ${step.runtime}`);",
    "await decoder[Symbol.asyncDispose]();",
  ];
}

/** `[B, max(H, V), N, 21]` as `[batch, Math.max(heads, kvHeads), length, 21]`. */
function shapeText(sizes: string): string {
  return sizes.replaceAll(/\bmax\(/g, "Math.max(").replaceAll(/\b[BHGVNMD]\b/g, (letter) => AXES[letter]!);
}

function fillText(name: string): string {
  const fill = FILLS[name];
  return fill === undefined ? "noise" : `() => ${fill}`;
}

function packagesOf(packageName: string, others: readonly string[]): string[] {
  return [...new Set([packageName, ...others, "@saccade/core"])];
}
