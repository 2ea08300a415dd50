import { writeFileSync } from "node:fs";

export interface Stored {
  readonly dtype: "F32" | "F16" | "BF16" | "I64";
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Writes a file in the safetensors format, by its specification and not by our reader. */
export function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, Stored>>,
  metadata?: Readonly<Record<string, string>>,
): void {
  let end = 0;
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
  }
  writeRaw(path, JSON.stringify(header), Buffer.concat(Object.values(tensors).map(({ bytes }) => bytes)));
}

/** Writes a header as it is. */
export function writeRaw(path: string, header: string, data: Uint8Array = new Uint8Array()): void {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  writeFileSync(path, Buffer.concat([length, Buffer.from(header), data]));
}

export function f32(shape: readonly number[], values: ArrayLike<number>): Stored {
  return { dtype: "F32", shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

/** Truncated to bfloat16. */
export function bf16(shape: readonly number[], values: ArrayLike<number>): Stored {
  const bits = new Uint32Array(Float32Array.from(values).buffer);
  return { dtype: "BF16", shape, bytes: new Uint8Array(Uint16Array.from(bits, (each) => each >>> 16).buffer) };
}
