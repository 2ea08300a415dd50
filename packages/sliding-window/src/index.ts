/**
 * Sliding-window attention: causal and two-sided windows, sinks, dilation, a window per head, and decoding in constant memory.
 *
 * @module
 */
export { slidingWindow, type SlidingWindowOptions } from "./sliding-window.ts";
