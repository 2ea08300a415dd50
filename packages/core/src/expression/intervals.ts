import { OP, type Operation } from "./operations.ts";

const INT_LOW = -(2 ** 31);
const INT_HIGH = 2 ** 31 - 1;

/** How far from monotonous exp, log and tanh may be, relative to their value: some units in the last place. */
const SLOPPY = 2 ** -49;

/** The divisors of [low, high] that a quotient is extreme at: the ends, and the numbers on both sides of 0. */
const divisors = /* @__PURE__ */ new Float64Array(4);

/**
 * Interval arithmetic over registers: register i holds every value in [low[i], high[i]]. Booleans are [0, 0], [1, 1] or [0, 1].
 *
 * Where an int could leave 32 bits it wraps, so its interval is everything; a real that may be NaN has everything for its interval, and
 * keeps it. Rounding is monotonous, so the ends of an interval are the rounded ends.
 */
export class Intervals {
  readonly low: Float64Array;
  readonly high: Float64Array;

  constructor(registers: number) {
    this.low = new Float64Array(registers);
    this.high = new Float64Array(registers);
  }

  set(to: number, low: number, high: number): void {
    this.low[to] = low;
    this.high[to] = high;
  }

  /** Register `to` becomes `op` of registers a, b, c; an operation has as many operands as it takes. */
  apply(op: Operation, to: number, a: number, b: number, c: number): void {
    const { low, high } = this;
    const al = low[a]!;
    const ah = high[a]!;
    const bl = low[b]!;
    const bh = high[b]!;
    switch (op) {
      case OP.IADD:
        return this.#int(to, al + bl, ah + bh);
      case OP.ISUB:
        return this.#int(to, al - bh, ah - bl);
      case OP.IMUL:
        return this.#int(
          to,
          Math.min(al * bl, al * bh, ah * bl, ah * bh),
          Math.max(al * bl, al * bh, ah * bl, ah * bh),
        );
      case OP.IDIV:
        return this.#floorDivide(to, al, ah, bl, bh);
      case OP.IMOD:
        return this.#floorModulo(to, al, ah, bl, bh);
      case OP.IABS:
        return this.#int(to, al > 0 ? al : ah < 0 ? -ah : 0, Math.max(-al, ah));
      case OP.IMIN:
        return this.set(to, Math.min(al, bl), Math.min(ah, bh));
      case OP.IMAX:
        return this.set(to, Math.max(al, bl), Math.max(ah, bh));
      case OP.ILT:
      case OP.FLT:
        return this.set(to, ah < bl ? 1 : 0, al < bh ? 1 : 0);
      case OP.ILE:
        return this.set(to, ah <= bl ? 1 : 0, al <= bh ? 1 : 0);
      case OP.FLE:
        // A bound that is infinite on the wrong side may stand for NaN, which no comparison holds of.
        return this.set(to, ah <= bl && ah < Infinity && bl > -Infinity ? 1 : 0, al <= bh ? 1 : 0);
      case OP.IEQ:
      case OP.FEQ:
        return this.set(to, al === ah && bl === bh && al === bl ? 1 : 0, al <= bh && bl <= ah ? 1 : 0);
      case OP.AND:
        return this.set(to, Math.min(al, bl), Math.min(ah, bh));
      case OP.OR:
        return this.set(to, Math.max(al, bl), Math.max(ah, bh));
      case OP.NOT:
        return this.set(to, 1 - ah, 1 - al);
      case OP.SELECT:
        if (al === 1) return this.set(to, bl, bh);
        if (ah === 0) return this.set(to, low[c]!, high[c]!);
        return this.set(to, Math.min(bl, low[c]!), Math.max(bh, high[c]!));
      case OP.I2F:
        return this.set(to, al, ah);
      default:
        return this.#real(op, to, al, ah, bl, bh);
    }
  }

  #real(op: Operation, to: number, al: number, ah: number, bl: number, bh: number): void {
    if (al === -Infinity && ah === Infinity) return this.set(to, -Infinity, Infinity);
    switch (op) {
      case OP.FADD:
        return this.#set(to, al + bl, ah + bh);
      case OP.FSUB:
        return this.#set(to, al - bh, ah - bl);
      case OP.FMUL:
        return this.#corners(to, al * bl, al * bh, ah * bl, ah * bh);
      case OP.FDIV:
        if (bl <= 0 && bh >= 0) return this.set(to, -Infinity, Infinity);
        return this.#corners(to, al / bl, al / bh, ah / bl, ah / bh);
      case OP.FMOD:
        return this.#realModulo(to, al, ah, bl, bh);
      case OP.FMIN:
      case OP.FMAX:
        if (bl === -Infinity && bh === Infinity) return this.set(to, bl, bh);
        if (op === OP.FMIN) return this.set(to, Math.min(al, bl), Math.min(ah, bh));
        return this.set(to, Math.max(al, bl), Math.max(ah, bh));
      case OP.FABS:
        return this.set(to, al > 0 ? al : ah < 0 ? -ah : 0, Math.max(-al, ah));
      case OP.FLOOR:
        return this.set(to, Math.floor(al), Math.floor(ah));
      case OP.EXP:
        return this.#widened(to, Math.exp(al), Math.exp(ah));
      case OP.LOG:
        return this.#widened(to, Math.log(al), Math.log(ah));
      case OP.TANH:
        return this.#widened(to, Math.tanh(al), Math.tanh(ah));
      default:
        throw new Error(`operation ${op} has no intervals`);
    }
  }

  #int(to: number, low: number, high: number): void {
    if (low < INT_LOW || high > INT_HIGH) this.set(to, INT_LOW, INT_HIGH);
    else this.set(to, low, high);
  }

  #set(to: number, low: number, high: number): void {
    if (Number.isNaN(low) || Number.isNaN(high)) this.set(to, -Infinity, Infinity);
    else this.set(to, low, high);
  }

  /** Math.min and Math.max are NaN when any corner is. */
  #corners(to: number, a: number, b: number, c: number, d: number): void {
    this.#set(to, Math.min(a, b, c, d), Math.max(a, b, c, d));
  }

  #widened(to: number, low: number, high: number): void {
    this.#set(to, low - Math.abs(low) * SLOPPY, high + Math.abs(high) * SLOPPY);
  }

  #floorDivide(to: number, al: number, ah: number, bl: number, bh: number): void {
    let low = Infinity;
    let high = -Infinity;
    if (bl <= 0 && bh >= 0) {
      low = 0;
      high = 0;
    }
    divisors[0] = bl;
    divisors[1] = Math.min(bh, -1);
    divisors[2] = Math.max(bl, 1);
    divisors[3] = bh;
    for (const divisor of divisors) {
      if (divisor === 0 || divisor < bl || divisor > bh) continue;
      const x = Math.floor(al / divisor);
      const y = Math.floor(ah / divisor);
      low = Math.min(low, x, y);
      high = Math.max(high, x, y);
    }
    this.#int(to, low, high);
  }

  #floorModulo(to: number, al: number, ah: number, bl: number, bh: number): void {
    if (bl === bh && bl !== 0) {
      const quotient = Math.floor(al / bl);
      if (quotient === Math.floor(ah / bl)) return this.set(to, al - quotient * bl, ah - quotient * bl);
    }
    // Below a divisor that is greater than both, a dividend that is not negative is its own remainder.
    if (al >= 0 && bl > ah) return this.set(to, al, ah);
    const most = bh > 0 ? bh - 1 : 0;
    this.set(to, bl < 0 ? bl + 1 : 0, al >= 0 && bl >= 0 ? Math.min(most, ah) : most);
  }

  #realModulo(to: number, al: number, ah: number, bl: number, bh: number): void {
    if ((bl <= 0 && bh >= 0) || al === -Infinity || ah === Infinity || bl === -Infinity || bh === Infinity) {
      return this.set(to, -Infinity, Infinity);
    }
    // Quotient, product and difference are rounded, each by at most 2^-53 of the dividend or the divisor.
    const error = (Math.max(-al, ah) + Math.max(-bl, bh)) * 2 ** -48;
    const quotient = Math.floor(al / bl);
    if (bl === bh && quotient === Math.floor(ah / bl)) {
      return this.#set(to, al - quotient * bl - error, ah - quotient * bl + error);
    }
    this.#set(to, Math.min(bl, 0) - error, Math.max(bh, 0) + error);
  }
}
