import { matmul, packWeights, type MixOptions, type PackedWeights, type WeightMatrix } from "@saccade/core";
import type { TensorNumbers } from "../safetensors/safetensors-file.ts";
import { checkSequence, type Sequence } from "./sequence.ts";

/** What a layer passes on to what it runs. */
export type RunOptions = Pick<MixOptions, "runtime" | "threads" | "signal">;

/** y = x W^T + b with weights [outputs, inputs]. They are packed for the runtime of the first call; until then they stay as stored. */
export class LinearLayer {
  readonly inputs: number;
  readonly outputs: number;
  readonly bias: Float32Array | undefined;
  #weights: WeightMatrix | PackedWeights;

  constructor({ type, shape, data }: TensorNumbers, bias: Float32Array | undefined) {
    const [outputs = 0, inputs = 0] = shape;
    this.outputs = outputs;
    this.inputs = inputs;
    this.bias = bias;
    this.#weights = { type, data, outputs, inputs };
  }

  /** @throws RangeError (as a rejection) when tokens are not as wide as the layer's inputs. */
  async apply(where: string, what: string, x: Sequence, { runtime, threads, signal }: RunOptions): Promise<Sequence> {
    checkSequence(where, what, x, this.inputs);
    if (!("layout" in this.#weights)) this.#weights = await packWeights(this.#weights, { runtime, threads, signal });
    const { out } = await matmul(x.data, this.#weights, { bias: this.bias, runtime, threads, signal });
    return { data: out, batch: x.batch, length: x.length, width: this.outputs };
  }
}
