import { describe, type CallShape } from "./measure/shape.ts";

/** One line of the table for every system that takes part. */
export interface Case {
  readonly name: string;
  readonly shape: CallShape;
  /** Globs over "system:runtime:threads" of who takes part; all but the synchronous calls and the probe by default. */
  readonly systems: readonly string[];
  /** Globs of those that take part only with --huge, for the memory that they need. */
  readonly huge?: readonly string[];
}

/** A shape from what differs from one batch element, 8 heads, D = 64, not causal; M defaults to N, G to H, E to D. */
export function shapeOf(sizes: Partial<CallShape> & Pick<CallShape, "N">): CallShape {
  const { B = 1, H = 8, N, D = 64, causal = false } = sizes;
  return { ...sizes, B, H, G: sizes.G ?? H, N, M: sizes.M ?? N, D, E: sizes.E ?? D, causal };
}

/** GroupQueryAttention is always causal, so a full case with more than one query is not for it. */
const onnxruntimes = ({ N, causal }: CallShape): string =>
  causal || N === 1 ? "onnxruntime-*" : "onnxruntime-*-{mha,attention}";
const everybody = (shape: CallShape): string[] => [`{saccade,${onnxruntimes(shape)},jax-js,tfjs,ruvector}:*`];
const onNative = (shape: CallShape): string[] => [`{saccade,${onnxruntimes(shape)},ruvector}:native:*`];
const onWasm = (shape: CallShape): string[] => [`{saccade,${onnxruntimes(shape)},jax-js,tfjs}:wasm:*`];

const caseOf = (group: string, shape: CallShape, systems: string[], huge?: string[]): Case => ({
  name: `${group}-${describe(shape)}`,
  shape,
  systems,
  ...(huge && { huge }),
});

/** Small transformer encoders (12 heads), and one step of decoding against a short cache. */
export const SMALL_SHAPES: readonly CallShape[] = [32, 64].flatMap((D) =>
  [1, 8].flatMap((B) => [
    shapeOf({ B, H: 12, N: 128, D }),
    shapeOf({ B, H: 12, N: 512, D }),
    shapeOf({ B, H: 12, N: 1, M: 512, D }),
  ]),
);

/** Widths that do not fit vector registers and tiles as D = 64 does. */
export const WIDTHS: readonly CallShape[] = [
  shapeOf({ N: 2048, D: 80 }),
  shapeOf({ N: 2048, D: 96 }),
  shapeOf({ N: 2048, D: 256 }),
  shapeOf({ N: 2048, D: 192, E: 128 }),
];

/** One query against a long cache, four query heads to a key head. */
export const LONG_DECODE: CallShape = shapeOf({ H: 32, G: 8, N: 1, M: 131_072, D: 128 });

/** A window that covers 1/32 of what causal attention sees. */
export const LONG_WINDOW: CallShape = shapeOf({ N: 16_384, causal: true, window: 512 });
/** Scores with ALiBi's slopes, and documents packed into one sequence: peers take both as a matrix of N x M. */
const ALIBI: CallShape = shapeOf({ N: 2048, causal: true, score: "alibi" });
export const PACKED: CallShape = shapeOf({ N: 8192, causal: true, documents: 12 });
/** A tenth of the blocks up to the diagonal. */
export const SPARSE: CallShape = shapeOf({ N: 8192, causal: true, blocks: 64, density: 0.1 });
/** The step of `LONG_DECODE` on caches of fewer bits. */
export const STORED_DECODE: readonly CallShape[] = (["f16", "bf16", "i8"] as const).map((stored) => ({
  ...LONG_DECODE,
  stored,
}));

const DENSE: readonly CallShape[] = [
  shapeOf({ N: 4096 }),
  shapeOf({ N: 4096, D: 128 }),
  shapeOf({ N: 4096, causal: true }),
  shapeOf({ N: 4096, G: 2, causal: true }),
  shapeOf({ N: 4096, D: 128, causal: true }),
];
const WASM_SHORT: CallShape = shapeOf({ N: 1024 });
const WASM_LONG: CallShape = shapeOf({ N: 16_384 });
const LONG_CAUSAL: CallShape = shapeOf({ N: 16_384, causal: true });

/** In the order in which they run: small ones first, so that slow systems are known when the large ones come. */
export const CASES: readonly Case[] = [
  ...SMALL_SHAPES.map((shape) =>
    shape.N === 1
      ? caseOf("decode", shape, [...everybody(shape), "{saccade-sync,saccade-decoder}:*"])
      : caseOf("small", shape, [...everybody(shape), "saccade-sync:*"]),
  ),
  caseOf("wasm", WASM_SHORT, onWasm(WASM_SHORT)),
  ...[shapeOf({ N: 2048 }), ...WIDTHS].map((shape) => caseOf("width", shape, everybody(shape))),
  ...DENSE.map((shape) => caseOf("dense", shape, everybody(shape))),
  caseOf("wasm", WASM_LONG, onWasm(WASM_LONG)),
  caseOf("window", LONG_WINDOW, ["{saccade,onnxruntime-*-gqa}:*"]),
  caseOf("score", ALIBI, ["{saccade,onnxruntime-*-mha}:*"]),
  caseOf("packed", PACKED, ["{saccade,onnxruntime-*-mha}:*"]),
  caseOf("blocks", SPARSE, ["{saccade,onnxruntime-*-sparse}:*"]),
  caseOf("memory", LONG_CAUSAL, onNative(LONG_CAUSAL), ["onnxruntime-node-{mha,attention}:*"]),
  // Every process holds a gigabyte of keys and values, so only those that can be compared with the probe.
  caseOf("decode", LONG_DECODE, ["{saccade,saccade-sync,saccade-decoder,onnxruntime-node-*,read-bandwidth}:native:*"]),
  ...STORED_DECODE.map((shape) =>
    caseOf("decode", shape, ["{saccade-decoder,onnxruntime-node-gqa,read-bandwidth}:native:*"]),
  ),
];
