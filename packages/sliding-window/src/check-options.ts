import type { SlidingWindowOptions } from "./sliding-window.ts";

/** Positions stay below this, so that they fit into the kernels' 32-bit integers. */
const MAX_LENGTH: number = 2 ** 30;

/** @throws RangeError or TypeError naming the option, what was expected and what came. */
export function checkOptions(options: SlidingWindowOptions): void {
  const { window, sinks = 0, dilation = 1, perHeadWindow, learnedSinks, rotary, positions, scale, softcap } = options;
  checkWhole("dilation", dilation, 1);
  checkWhole("sinks", sinks, 0);
  if (perHeadWindow === undefined || window !== undefined) checkWindow("window", window, dilation);
  if (perHeadWindow !== undefined) {
    checkList("perHeadWindow", perHeadWindow);
    for (let h = 0; h < perHeadWindow.length; h++) checkWindow(`perHeadWindow[${h}]`, perHeadWindow[h]!, dilation);
  }
  if (learnedSinks !== undefined) checkList("learnedSinks", learnedSinks);
  if (positions !== undefined && positions !== "text" && positions !== "cache") {
    throw new TypeError(`slidingWindow: positions is ${shown(positions)}, expected "text" or "cache"`);
  }
  if (positions === "cache") {
    if (rotary === undefined) throw new TypeError('slidingWindow: positions "cache" needs a rotary that turns by them');
    if (dilation !== 1 || perHeadWindow !== undefined) {
      throw new TypeError('slidingWindow: positions "cache" go with one window without dilation');
    }
  }
  if (scale !== undefined && !Number.isFinite(scale)) {
    throw new RangeError(`slidingWindow: scale is ${shown(scale)}, expected a finite number`);
  }
  if (softcap !== undefined && !(softcap >= 0 && Number.isFinite(softcap))) {
    throw new RangeError(`slidingWindow: softcap is ${shown(softcap)}, expected a positive number, or 0 for none`);
  }
}

function checkWindow(what: string, window: number, dilation: number): void {
  checkWhole(what, window, 1);
  if (window * dilation > MAX_LENGTH) {
    throw new RangeError(`slidingWindow: ${what} x dilation is ${window * dilation}, expected at most 2^30`);
  }
}

function checkWhole(what: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= MAX_LENGTH) return;
  throw new RangeError(`slidingWindow: ${what} is ${shown(value)}, expected an integer of at least ${least}`);
}

function checkList(what: string, list: ArrayLike<number>): void {
  if (typeof list?.length === "number" && list.length > 0) return;
  throw new TypeError(`slidingWindow: ${what} is ${shown(list)}, expected a list with a number for every query head`);
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
