import { basename } from "node:path";
import { type Layout, type Tensor, tensor } from "@saccade/core";
import type { SafetensorsFile } from "@saccade/nn";
import { openSafetensors } from "@saccade/nn/node";
import type { Input, SafetensorsSpec } from "./input.ts";

/** Tokens that are read together where heads alternate in the file. */
const ROWS_AT_ONCE = 1024;

const READABLE: ReadonlySet<string> = new Set(["F32", "F16", "BF16"]);

/** One stored tensor as [heads, length, width] of batch 1. */
interface Captured {
  readonly name: string;
  readonly dtype: string;
  readonly layout: Layout;
  readonly heads: number;
  readonly length: number;
  readonly width: number;
}

/**
 * Captured queries, keys and values: tensors `q`, `k`, `v`, or `NAME.q`, `NAME.k`, `NAME.v` for each layer NAME, of shape
 * [1, H, N, D] or [H, N, D] with `layout` "bhnd" in the file's metadata (the default), [1, N, H, D] or [N, H, D] with "bnhd".
 * Metadata `scale` replaces 1 / sqrt(D). Numbers are read from the file head by head.
 */
export function safetensorsInput(spec: SafetensorsSpec): Input {
  const file = openSafetensors(spec.file);
  const layer = chooseLayer(file, spec.layer);
  const layout = layoutOf(file);
  const [q, k, v] = (["q", "k", "v"] as const).map((name) => captured(file, layer, name, layout)) as [
    Captured,
    Captured,
    Captured,
  ];
  checkTogether(file, q, k, v);
  const stack = q.heads / k.heads;
  return {
    kind: "safetensors",
    description: `${basename(spec.file)}${layer === "" ? "" : `, ${layer}`}, ${q.dtype}`,
    heads: q.heads,
    kvHeads: k.heads,
    headDim: q.width,
    valueDim: v.width,
    maxLength: q.length,
    scale: scaleOf(file),
    slice: (tokens, { first, count }) => ({
      q: read(file, q, tokens, first * stack, count * stack),
      k: read(file, k, tokens, first, count),
      v: read(file, v, tokens, first, count),
    }),
    head: () => undefined,
    retrievalPositions: () => [],
    retrieval: () => undefined,
  };
}

function chooseLayer(file: SafetensorsFile, asked: string | undefined): string {
  if (asked !== undefined) return asked;
  const names = [...file.tensors.keys()];
  if (names.includes("q")) return "";
  const layers = names.filter((name) => name.endsWith(".q")).map((name) => name.slice(0, -2));
  if (layers.length === 0) {
    throw new Error(`safetensors: ${file.name}: expected tensors q, k, v or NAME.q ..., found ${list(names)}`);
  }
  return layers.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }))[0]!;
}

function layoutOf(file: SafetensorsFile): Layout {
  const layout = file.metadata["layout"] ?? "bhnd";
  if (layout === "bhnd" || layout === "bnhd") return layout;
  throw new Error(`safetensors: ${file.name}: metadata layout is "${layout}", expected "bhnd" or "bnhd"`);
}

function scaleOf(file: SafetensorsFile): number | undefined {
  const text = file.metadata["scale"];
  if (text === undefined) return undefined;
  const scale = Number(text);
  if (text.trim() !== "" && Number.isFinite(scale)) return scale;
  throw new Error(`safetensors: ${file.name}: metadata scale is "${text}", expected a number`);
}

function captured(file: SafetensorsFile, layer: string, name: string, layout: Layout): Captured {
  const full = layer === "" ? name : `${layer}.${name}`;
  const stored = file.tensors.get(full);
  if (!stored) {
    throw new Error(`safetensors: ${file.name}: has no tensor ${full}, only ${list([...file.tensors.keys()])}`);
  }
  const { shape, dtype } = stored;
  if (!READABLE.has(dtype)) {
    throw new Error(`safetensors: ${file.name}: ${full} is ${dtype}, expected F32, F16 or BF16`);
  }
  const axes = shape.length === 4 ? shape.slice(1) : shape;
  if (axes.length !== 3 || (shape.length === 4 && shape[0] !== 1) || axes.some((size) => size === 0)) {
    const order = layout === "bhnd" ? "heads, tokens" : "tokens, heads";
    throw new Error(
      `safetensors: ${file.name}: ${full} has shape [${shape.join(", ")}], expected [1, ${order}, width] or [${order}, width] with layout ${layout}`,
    );
  }
  const [outer, inner, width] = axes as [number, number, number];
  return layout === "bhnd"
    ? { name: full, dtype, layout, heads: outer, length: inner, width }
    : { name: full, dtype, layout, heads: inner, length: outer, width };
}

function checkTogether(file: SafetensorsFile, q: Captured, k: Captured, v: Captured): void {
  const fail = (reason: string): never => {
    throw new Error(`safetensors: ${file.name}: ${reason}`);
  };
  if (k.width !== q.width) fail(`q has width D = ${q.width}, k has ${k.width}`);
  if (v.heads !== k.heads) fail(`k has G = ${k.heads} heads, v has ${v.heads}`);
  if (v.length !== k.length) fail(`k has ${k.length} tokens, v has ${v.length}`);
  if (q.heads % k.heads !== 0) fail(`k has G = ${k.heads} heads, which does not divide H = ${q.heads}`);
  if (q.length !== k.length) fail(`q has ${q.length} tokens, k has ${k.length}; a study needs as many queries as keys`);
}

/** The first `tokens` of heads first .. first + count - 1, in the file's layout. */
function read(file: SafetensorsFile, from: Captured, tokens: number, first: number, count: number): Tensor {
  const { name, layout, heads, length, width } = from;
  const data = new Float32Array(count * tokens * width);
  if (layout === "bhnd") {
    for (let head = 0; head < count; head++) {
      const into = data.subarray(head * tokens * width, (head + 1) * tokens * width);
      file.readInto(name, (first + head) * length * width, into);
    }
    return tensor(data, { shape: [1, count, tokens, width] });
  }
  const row = heads * width;
  const rows = new Float32Array(Math.min(tokens, ROWS_AT_ONCE) * row);
  for (let token = 0; token < tokens; token++) {
    const within = token % ROWS_AT_ONCE;
    if (within === 0) {
      file.readInto(name, token * row, rows.subarray(0, Math.min(ROWS_AT_ONCE, tokens - token) * row));
    }
    const at = within * row + first * width;
    data.set(rows.subarray(at, at + count * width), token * count * width);
  }
  return tensor(data, { shape: [1, tokens, count, width], layout: "bnhd" });
}

function list(names: readonly string[]): string {
  if (names.length === 0) return "none";
  return names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more` : names.join(", ");
}
