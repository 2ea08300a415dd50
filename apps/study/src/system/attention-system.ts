import { type Attention, openRuntime, type PlanShape } from "@saccade/core";
import type { CallShape, System, SystemOptions } from "./system.ts";

/** Makes a system of any attention of Saccade; its own reference is what it is checked against. */
export function attentionSystem(
  name: string,
  description: string,
  attention: (options: SystemOptions) => Attention,
): System {
  return {
    name,
    description,
    definition: attention,
    cost: (shape, options) => attention(options).plan({ ...planned(shape), threads: options.threads }),
    async open(options) {
      const attend = attention(options);
      const runtime = await openRuntime(options.runtime, { threads: options.threads });
      return {
        cost: (shape) => attend.plan({ ...planned(shape), runtime, threads: options.threads }),
        run: (slice) => attend.forward(slice, { runtime, threads: options.threads }),
        [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose](),
      };
    },
  };
}

function planned({ heads, kvHeads, length, headDim, valueDim }: CallShape): PlanShape {
  return { heads, kvHeads, queries: length, headDim, valueDim };
}
