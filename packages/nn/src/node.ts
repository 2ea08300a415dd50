/**
 * Files of layers in Node: safetensors from and to disk.
 *
 * @module
 */
export { openSafetensors } from "./node/open-safetensors.ts";
export { writeSafetensors } from "./node/write-safetensors.ts";
