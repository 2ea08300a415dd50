import {
  rotate,
  rotateSync,
  type RotateOptions,
  type RotateResult,
  type Rotation,
  type RotationPairs,
  type SyncRotateOptions,
  type Tensor,
} from "@saccade/core";
import { checkNumber, checkWhole } from "./checks.ts";
import { attentionFactor, ropeFrequencies } from "./rope-frequencies.ts";
import { checkScaling, type RopeScaling } from "./rope-scaling.ts";
import { RotaryTables } from "./rotary-tables.ts";

export interface RopeOptions {
  /** D, width of queries and keys. */
  readonly dim: number;
  /** Default 10000. */
  readonly base?: number | undefined;
  /** R: numbers of a row that turn, even; the rest stays. Default D. */
  readonly rotaryDim?: number | undefined;
  /**
   * Which numbers turn together: `"half"` (x[i] and x[i + R / 2]: Llama, Mistral, Qwen, GPT-NeoX) or `"interleaved"` (x[2i] and x[2i + 1]: GPT-J,
   * the paper). Default "half".
   */
  readonly pairs?: RotationPairs | undefined;
  readonly scaling?: RopeScaling | undefined;
}

interface ForLength {
  /** Dynamic NTK: the length that angles are made for. Default: the highest position of the call, plus 1. */
  readonly length?: number | undefined;
}

/** As in `rotateSync` of @saccade/core, with the length that dynamic NTK scales for. */
export type SyncRopeRotateOptions = SyncRotateOptions & ForLength;
/** As in `rotate` of @saccade/core, with the length that dynamic NTK scales for. */
export type RopeRotateOptions = RotateOptions & ForLength;

/** Rotary position embedding with its tables, which are kept and grow as they are asked for. */
export interface Rope {
  readonly dim: number;
  readonly rotaryDim: number;
  readonly pairs: RotationPairs;
  /** What cos and sin are multiplied by: YaRN's factor, else 1. */
  readonly attentionFactor: number;
  /** Whether angles depend on a length, so that stored keys must stay unrotated unless that length is fixed: dynamic NTK. */
  readonly lengthDependent: boolean;
  /**
   * Radians from one position to the next, [R / 2], float64.
   *
   * @param length what dynamic NTK scales for. Default: the original length.
   */
  frequencies(length?: number): Float64Array;
  /** cos and sin of positions 0 to length - 1, [length, R / 2] each; dynamic NTK: scaled for `length`. Views that must not be written to. */
  tables(length: number): Pick<Rotation, "cos" | "sin">;
  /** The tables as `rotate` of @saccade/core takes them, for at least `length` positions; dynamic NTK: exactly, scaled for `length`. */
  rotation(length: number): Rotation;
  /**
   * Turns queries or keys by their positions; the event loop gets a turn at least every 16 ms.
   *
   * @param x [B, H, N, D] or [B, N, H, D]; in place with `out: x`.
   * @throws TypeError and RangeError (as a rejection) when something does not fit.
   */
  rotate(x: Tensor, options?: RopeRotateOptions): Promise<RotateResult>;
  /** The same for small work, to the end before it returns. */
  rotateSync(x: Tensor, options?: SyncRopeRotateOptions): RotateResult;
}

/**
 * Rotary position embedding (Su et al., 2021): pair i of a row at position p turns by p theta_i, so that q . k depends on the distance alone.
 *
 * ```text
 *   theta_i = base^(-2i / R)                    i = 0 .. R / 2 - 1
 *   y0 = x0 cos(p theta_i) - x1 sin(p theta_i)
 *   y1 = x1 cos(p theta_i) + x0 sin(p theta_i)
 * ```
 *
 * Angles are float64 until cos and sin are rounded to f32. Libraries that keep theta or p theta in f32 are off by up to p 2^-24 radians.
 *
 * @throws TypeError and RangeError for options that make no sense.
 * @example
 * const positions = rope({ dim: 128, base: 500_000, scaling: { type: "yarn", factor: 4, originalLength: 32_768 } });
 * const { out } = await positions.rotate(q, { offset: decoder.length });
 */
export function rope(options: RopeOptions): Rope {
  return new TabledRope(options);
}

/** No table grows beyond what the kernels' positions reach. */
const MOST_POSITIONS = 2 ** 30;

class TabledRope implements Rope {
  readonly dim: number;
  readonly rotaryDim: number;
  readonly pairs: RotationPairs;
  readonly attentionFactor: number;
  readonly lengthDependent: boolean;
  readonly #base: number;
  readonly #scaling: RopeScaling | undefined;
  #tables: RotaryTables | undefined;
  /** What the tables are scaled for, where that matters. */
  #scaledFor = 0;

  constructor(options: RopeOptions) {
    const { dim, base = 10_000, rotaryDim = dim, pairs = "half", scaling } = options;
    checkWhole("rope: dim", dim, 2);
    checkNumber("rope: base", base, 1);
    if (!Number.isSafeInteger(rotaryDim) || rotaryDim < 2 || rotaryDim % 2 !== 0 || rotaryDim > dim) {
      throw new RangeError(`rope: rotaryDim is ${String(rotaryDim)}, expected an even number in 2..dim = ${dim}`);
    }
    if (pairs !== "half" && pairs !== "interleaved") {
      throw new TypeError(`rope: pairs is ${JSON.stringify(pairs)}, expected "half" or "interleaved"`);
    }
    if (scaling !== undefined) checkScaling(scaling, rotaryDim);
    this.dim = dim;
    this.rotaryDim = rotaryDim;
    this.pairs = pairs;
    this.attentionFactor = attentionFactor(scaling);
    this.lengthDependent = scaling?.type === "dynamic-ntk";
    this.#base = base;
    this.#scaling = scaling;
  }

  frequencies(length = 0): Float64Array {
    checkWhole("rope.frequencies: length", length, 0);
    return ropeFrequencies(this.rotaryDim, this.#base, this.#scaling, length);
  }

  tables(length: number): Pick<Rotation, "cos" | "sin"> {
    const { cos, sin } = this.#rotation("rope.tables", length);
    const numbers = (length * this.rotaryDim) / 2;
    return { cos: cos.subarray(0, numbers), sin: sin.subarray(0, numbers) };
  }

  rotation(length: number): Rotation {
    return this.#rotation("rope.rotation", length);
  }

  async rotate(x: Tensor, options: RopeRotateOptions = {}): Promise<RotateResult> {
    const length = this.#lengthOf("rope.rotate", x, options);
    options.signal?.throwIfAborted();
    await this.#tablesFor(length).growInTurns(length, options.signal);
    return rotate(x, this.#rotation("rope.rotate", length), options);
  }

  rotateSync(x: Tensor, options: SyncRopeRotateOptions = {}): RotateResult {
    const length = this.#lengthOf("rope.rotateSync", x, options);
    return rotateSync(x, this.#rotation("rope.rotateSync", length), options);
  }

  #rotation(where: string, length: number): Rotation {
    checkWhole(`${where}: length`, length, 0);
    if (length > MOST_POSITIONS) throw new RangeError(`${where}: length is ${length}, expected at most 2^30`);
    const tables = this.#tablesFor(length);
    tables.grow(length);
    const { cos, sin, rows } = tables;
    const { rotaryDim, pairs } = this;
    return { cos, sin, length: this.lengthDependent ? length : rows, rotaryDim, pairs };
  }

  #tablesFor(length: number): RotaryTables {
    const scaledFor = this.#scaling?.type === "dynamic-ntk" ? Math.max(length, this.#scaling.originalLength) : 0;
    if (this.#tables === undefined || scaledFor !== this.#scaledFor) {
      this.#tables = new RotaryTables(this.frequencies(scaledFor), this.attentionFactor);
      this.#scaledFor = scaledFor;
    }
    return this.#tables;
  }

  /** Positions that a call needs, or that it asks dynamic NTK to scale for. */
  #lengthOf(where: string, x: Tensor, { positions, offset = 0, length = 0 }: SyncRopeRotateOptions): number {
    if (x?.width !== this.dim) {
      throw new RangeError(`${where}: x has D = ${String(x?.width)}, the rope was made for D = ${this.dim}`);
    }
    checkWhole(`${where}: length`, length, 0);
    // What makes no sense as a position is refused by name when positions are read.
    if (positions === undefined) return Math.max(length, wholeOr0(offset) + x.length);
    let needed = length;
    for (let i = 0; i < positions.length; i++) needed = Math.max(needed, wholeOr0(positions[i]!) + 1);
    return needed;
  }
}

function wholeOr0(position: number): number {
  return Number.isSafeInteger(position) && position > 0 ? position : 0;
}
