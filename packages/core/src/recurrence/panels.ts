import type { Gate, LinearTokens } from "./linear-attention.ts";
import type { LinearSizes } from "./linear-state.ts";
import type { LinearCall } from "./linear-variant.ts";
import { tokenRows } from "./rows.ts";
import type { Tensor } from "../tensor.ts";

/** Bytes of operands that exist at a time, unless 16 tokens of one batch element have more. */
const PANEL_BYTES = 4 * 2 ** 20;
/** Panels are a multiple of this, so that chunks of the kernels end with them. */
const PANEL_TOKENS = 64;
const FEWEST_TOKENS = 16;

/** Some tokens of some batch elements of a call, as a call of its own. */
export interface TokenPanel<G extends Gate> {
  readonly where: string;
  readonly sizes: LinearSizes;
  readonly inputs: LinearTokens<G>;
  /** Tokens of each of its batch elements before these. */
  readonly before: Int32Array;
  readonly lengths: Int32Array;
  readonly from: number;
  readonly to: number;
  readonly b: number;
  readonly bEnd: number;
}

/** Tokens and batch elements of a panel: by shape alone, so that results do not depend on anything else. */
function panelSizes(sizes: LinearSizes, tokens: number, operandBytes: number): { tokens: number; batch: number } {
  const { batch } = sizes;
  if (operandBytes === 0) return { tokens, batch };
  const most = PANEL_BYTES / operandBytes;
  const together = Math.max(1, Math.min(batch, Math.floor(most / FEWEST_TOKENS)));
  const each = Math.max(FEWEST_TOKENS, Math.floor(most / together));
  const whole = each < PANEL_TOKENS ? FEWEST_TOKENS : Math.floor(each / PANEL_TOKENS) * PANEL_TOKENS;
  return { tokens: Math.min(tokens, whole), batch: together };
}

/** Bytes of the operands of one panel. */
export function panelBytes(sizes: LinearSizes, tokens: number, operandBytes: number): number {
  const panel = panelSizes(sizes, tokens, operandBytes);
  return panel.tokens * panel.batch * operandBytes;
}

/** A call in panels, in the order of tokens; one where operands are taken as they are. */
export function* panelsOf<G extends Gate>(
  call: LinearCall<G>,
  before: Int32Array,
  operandBytes: number,
): Generator<TokenPanel<G>> {
  const { where, sizes, tokens } = call;
  const panel = panelSizes(sizes, tokens, operandBytes);
  for (let b = 0; b < sizes.batch; b += panel.batch) {
    const bEnd = Math.min(b + panel.batch, sizes.batch);
    for (let from = 0; from < tokens; from += panel.tokens) {
      const to = Math.min(from + panel.tokens, tokens);
      yield {
        where,
        sizes: { ...sizes, batch: bEnd - b },
        inputs: cutTokens(call.inputs, from, to, b, bEnd),
        before: before.subarray(b, bEnd).map((count, i) => count + Math.min(from, call.lengths[b + i]!)),
        lengths: call.lengths.subarray(b, bEnd).map((length) => Math.min(Math.max(length - from, 0), to - from)),
        from,
        to,
        b,
        bEnd,
      };
    }
  }
}

/** Tokens [from, to) of batch elements [b, bEnd), gates and all. */
export function cutTokens<G extends Gate>(
  inputs: LinearTokens<G>,
  from: number,
  to: number,
  b = 0,
  bEnd: number = inputs.q.batch,
): LinearTokens<G> {
  const views = Object.entries(inputs as unknown as Readonly<Record<string, Tensor>>)
    .filter(([, view]) => view?.strides !== undefined)
    .map(([name, view]) => [name, tokenRows(view, from, to, b, bEnd)] as const);
  return Object.fromEntries(views) as unknown as LinearTokens<G>;
}
