import { TYPES } from "./number-types.ts";
import { headerLength, LENGTH_BYTES, parseHeader } from "./parse-header.ts";
import { numbersIn, type TensorNumbers } from "./safetensors-file.ts";

export interface ReadSafetensorsOptions {
  /** Which tensors are read. Default: all that have f32, f16 or bf16 numbers. */
  readonly select?: ((name: string) => boolean) | undefined;
  /** As errors name the file. Default "the file". */
  readonly name?: string | undefined;
}

/**
 * Tensors of a Blob: a file that somebody picked in a browser, a downloaded response, a file that Node opened with `openAsBlob`. Header and
 * tensors are read one after the other, so that no more is in memory than what is asked for.
 *
 * @throws Error (as a rejection) when the header is not right, or a selected tensor has another format.
 * @example const state = await readSafetensors(input.files[0], { select: (name) => name.startsWith("model.layers.0.") });
 */
export async function readSafetensors(
  blob: Blob,
  { select, name: where = "the file" }: ReadSafetensorsOptions = {},
): Promise<Record<string, TensorNumbers>> {
  const bytes = async (from: number, to: number): Promise<Uint8Array> =>
    new Uint8Array(await blob.slice(from, to).arrayBuffer());
  const length = headerLength(where, await bytes(0, LENGTH_BYTES), blob.size);
  const { tensors } = parseHeader(where, await bytes(LENGTH_BYTES, LENGTH_BYTES + length), blob.size);
  const state: Record<string, TensorNumbers> = {};
  for (const [name, { dtype, shape, begin, end }] of tensors) {
    const type = TYPES.get(dtype);
    if (select === undefined ? type === undefined : !select(name)) continue;
    if (type === undefined) throw new Error(`safetensors: ${where}: ${name} is ${dtype}, expected F32, F16 or BF16`);
    state[name] = { type, shape, data: numbersIn(type, await bytes(begin, end)) };
  }
  return state;
}
