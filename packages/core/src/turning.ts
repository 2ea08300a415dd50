import { rotateSync, rotate } from "./rotate.ts";
import type { Rotation } from "./rotation.ts";
import type { Runtime } from "./runtime/runtime.ts";
import type { Tensor } from "./tensor.ts";

/** What makes rotary tables: `rope()` of @saccade/positions does. */
export interface Rotary {
  /** Tables for positions 0 .. length - 1 at least. */
  rotation(length: number): Rotation;
  /** Whether the length changes the tables (dynamic NTK). A decoder then fixes it at its capacity. Default false. */
  readonly lengthDependent?: boolean | undefined;
}

/**
 * Rotary positions as part of an attention: queries and keys come as they are, and are turned by it. Several operands are the same
 * queries turned differently, for keys whose positions are to be counted differently.
 */
export interface Turning {
  readonly rotary: Rotary;
  /** Position by which a key is turned, of its place in the text. */
  readonly key: (position: number) => number;
  /** For every operand: position by which a query is turned, of its place in the text. */
  readonly queries: readonly ((position: number) => number)[];
}

/** Every token turned by its own place. */
export function plainTurning(rotary: Rotary): Turning {
  const same = (position: number): number => position;
  return { rotary, key: same, queries: [same] };
}

/** Queries of every operand, and keys. */
export interface Turned {
  readonly q: Tensor;
  readonly turned: readonly Tensor[];
  readonly k: Tensor;
}

interface TurnInputs {
  readonly q: Tensor;
  readonly k: Tensor;
  /** [B] position of the first query and key. */
  readonly queryStart: ArrayLike<number>;
  readonly keyStart: ArrayLike<number>;
  /** Positions that tables are made for at least. Default 0. */
  readonly length?: number | undefined;
}

/** Queries and keys turned into tensors of their own. */
export async function turn(
  turning: Turning,
  inputs: TurnInputs,
  runtime: Runtime,
  signal: AbortSignal | undefined,
): Promise<Turned> {
  const { rotation, turns } = planned(turning, inputs);
  const tensors: Tensor[] = [];
  for (const { x, positions } of turns) {
    tensors.push((await rotate(x, rotation, { positions, runtime, signal })).out);
  }
  return named(tensors);
}

/** The same to the end before it returns. */
export function turnSync(turning: Turning, inputs: TurnInputs, runtime: Runtime): Turned {
  const { rotation, turns } = planned(turning, inputs);
  return named(turns.map(({ x, positions }) => rotateSync(x, rotation, { positions, runtime }).out));
}

function named([k, q, ...turned]: readonly Tensor[]): Turned {
  return { k: k!, q: q!, turned };
}

interface Turn {
  readonly x: Tensor;
  readonly positions: Int32Array;
}

/** All turns of a call use the same tables. */
function planned(
  { rotary, key, queries }: Turning,
  { q, k, queryStart, keyStart, length = 0 }: TurnInputs,
): { readonly rotation: Rotation; readonly turns: readonly Turn[] } {
  const turns = [
    { x: k, positions: places(k, keyStart, key) },
    ...queries.map((query) => ({ x: q, positions: places(q, queryStart, query) })),
  ];
  const needed = turns.reduce((most, { positions }) => Math.max(most, 1 + greatest(positions)), length);
  return { rotation: rotary.rotation(needed), turns };
}

/** [B, N] */
function places({ batch, length }: Tensor, start: ArrayLike<number>, of: (position: number) => number): Int32Array {
  const positions = new Int32Array(batch * length);
  for (let b = 0; b < batch; b++) {
    for (let n = 0; n < length; n++) positions[b * length + n] = of(start[b]! + n);
  }
  return positions;
}

function greatest(positions: Int32Array): number {
  return positions.reduce((most, position) => Math.max(most, position), 0);
}
