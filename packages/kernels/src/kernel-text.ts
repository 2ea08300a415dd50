import { decodeBytes, type ByteText } from "./byte-text.ts";

/** A module of src/generated: a build for a shared memory as text, and where its kind of memory stands. */
export interface KernelText extends ByteText {
  readonly memoryFlags: number;
}

/** The bytes of a build. For a memory that is not shared one flag differs. */
export function kernelBytes(kernels: KernelText, shared: boolean): Uint8Array<ArrayBuffer> {
  const bytes = decodeBytes(kernels);
  if (!shared) bytes[kernels.memoryFlags] = 1;
  return bytes;
}
