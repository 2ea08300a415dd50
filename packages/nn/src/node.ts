/**
 * Files of layers in Node: safetensors from and to disk, models from their folders.
 *
 * @module
 */
export { loadTransformer } from "./node/load-transformer.ts";
export { openSafetensors } from "./node/open-safetensors.ts";
export { writeSafetensors } from "./node/write-safetensors.ts";
