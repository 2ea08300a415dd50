/**
 * Self-attention as models have it.
 *
 * @module
 */
export {};
