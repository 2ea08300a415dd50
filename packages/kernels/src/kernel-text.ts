/** A module of src/generated: a build for a shared memory in base64, and where its kind of memory stands. */
export interface KernelText {
  readonly base64: string;
  readonly memoryFlags: number;
}

/** The bytes of a build. For a memory that is not shared one flag differs. */
export function kernelBytes({ base64, memoryFlags }: KernelText, shared: boolean): Uint8Array<ArrayBuffer> {
  const characters = atob(base64);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  if (!shared) bytes[memoryFlags] = 1;
  return bytes;
}
