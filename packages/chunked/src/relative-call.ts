import {
  biasTensor,
  type Attention,
  type AttentionInputs,
  type ForwardOptions,
  type RunInfo,
  type SyncForwardOptions,
  type Tensor,
} from "@saccade/core";
import { pause } from "@saccade/core/variants";
import type { RelativeTables } from "./relative-bias.ts";
import { elementOf, placeLse, tokensOf } from "./token-views.ts";

/** Milliseconds after which the event loop gets a turn. */
const TURN = 8;

/** Attention whose scores have position terms. */
export interface RelativeVariant {
  readonly name: string;
  readonly segment: number;
  readonly memory: number;
  readonly tables: RelativeTables;
  /** Causal attention over the keys of a piece, with its scale and sinks. */
  readonly causal: Attention;
  /** Factor on q . k. Default 1/sqrt(D). */
  readonly scale: number | undefined;
}

/** Keys and values of the text from key `first` on. */
export interface KeysFrom {
  readonly k: Tensor;
  readonly v: Tensor;
  readonly first: number;
}

/** A call over any keys: those that queries see from a key on are asked for segment by segment. */
export interface RelativeCall {
  readonly q: Tensor;
  /** Position of query 0 of a batch element, and the number of its keys. */
  readonly place: (b: number) => { readonly offset: number; readonly keys: number };
  readonly keysFrom: (key: number) => KeysFrom;
  readonly out: Tensor;
  readonly lse: Float32Array;
}

/** Queries of one batch element and segment, ready to run. */
interface Piece {
  readonly inputs: AttentionInputs;
  readonly out: Tensor;
  readonly b: number;
  readonly from: number;
}

/** Runs a call; the event loop gets its turns. */
export async function runRelative(
  variant: RelativeVariant,
  call: RelativeCall,
  options: ForwardOptions | undefined,
): Promise<RunInfo | undefined> {
  let since = performance.now();
  let info: RunInfo | undefined;
  for (const piece of pieces(variant, call)) {
    if (piece !== undefined) {
      const result = await variant.causal.forward(piece.inputs, { ...options, lse: true, out: piece.out });
      keepLse(call, piece, result.lse);
      info = result;
    } else if (performance.now() - since > TURN) {
      await pause();
      options?.signal?.throwIfAborted();
    } else continue;
    since = performance.now();
  }
  return info;
}

/** The same, to the end before it returns. */
export function runRelativeSync(
  variant: RelativeVariant,
  call: RelativeCall,
  options: SyncForwardOptions | undefined,
): RunInfo | undefined {
  let info: RunInfo | undefined;
  for (const piece of pieces(variant, call)) {
    if (piece === undefined) continue;
    const result = variant.causal.forwardSync(piece.inputs, { ...options, lse: true, out: piece.out });
    keepLse(call, piece, result.lse);
    info = result;
  }
  return info;
}

function keepLse({ q, lse }: RelativeCall, { b, from, out }: Piece, part: Float32Array): void {
  const all = lse.subarray(b * q.heads * q.length, (b + 1) * q.heads * q.length);
  placeLse(all, part, from, q.length, out.length);
}

/** The pieces of a call; undefined where others may have a turn. */
function* pieces(variant: RelativeVariant, { q, place, keysFrom, out }: RelativeCall): Generator<Piece | undefined> {
  const { segment, memory, tables } = variant;
  const scale = variant.scale ?? 1 / Math.sqrt(q.width);
  for (let b = 0; b < q.batch; b++) {
    const { offset, keys } = place(b);
    for (let from = 0; from < q.length;) {
      const position = offset + from;
      const start = Math.floor(position / segment) * segment;
      const to = Math.min(q.length, start + segment - offset);
      const low = Math.max(0, start - memory);
      const high = Math.max(low, Math.min(keys, offset + to));
      const { k, v, first } = keysFrom(low);
      const queries = elementOf(tokensOf(q, from, to), b);
      const inputs = {
        q: tables.contentQueries(queries),
        k: elementOf(tokensOf(k, low - first, high - first), b),
        v: elementOf(tokensOf(v, low - first, high - first), b),
        queryOffset: position - low,
      };
      const bias = new Float32Array(q.heads * (to - from) * (high - low));
      yield* tables.biasInSteps(bias, queries, scale, { first: position - low, keys: high - low });
      yield {
        inputs: { ...inputs, bias: biasTensor(bias, { shape: [1, q.heads, to - from, high - low] }) },
        out: elementOf(tokensOf(out, from, to), b),
        b,
        from,
      };
      from = to;
    }
  }
}
