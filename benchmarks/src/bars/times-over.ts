import { openRuntime, tensor, type AttentionInputs, type Runtime, type Tensor } from "@saccade/core";
import { gaussianLike } from "../measure/inputs.ts";
import type { CallShape } from "../measure/shape.ts";
import { median, medianRatio, ratioRange } from "../measure/statistics.ts";
import { short } from "../report.ts";
import type { RuntimeClass } from "../systems/registry.ts";
import type { Measured } from "./bar.ts";

interface Runs {
  forward(inputs: Inputs, options: { readonly runtime: Runtime; readonly threads: number }): Promise<unknown>;
}

/** Gates weigh branches, where there are any. */
type Inputs = AttentionInputs & { readonly gates: Tensor };

/**
 * How many times faster one attention is than another, on the same inputs and runtime, turn by turn after a round of each; or once, without
 * that, where a round takes a minute.
 */
export async function timesOver(
  name: RuntimeClass,
  threads: number,
  { B, H, G, N, M, D, E }: CallShape,
  ours: Runs,
  other: Runs,
  rounds = 5,
): Promise<Measured> {
  await using runtime = await openRuntime(name, { threads });
  const inputs = {
    q: tensor(gaussianLike(B * H * N * D, 0x51ed), { shape: [B, H, N, D] }),
    k: tensor(gaussianLike(B * G * M * D, 0xc2b2), { shape: [B, G, M, D] }),
    v: tensor(gaussianLike(B * G * M * E, 0x9e37), { shape: [B, G, M, E] }),
    gates: tensor(new Float32Array(B * H * N * 3).fill(0.5), { shape: [B, H, N, 3] }),
  };
  const time = async (attend: Runs): Promise<number> => {
    const start = performance.now();
    await attend.forward(inputs, { runtime, threads });
    return performance.now() - start;
  };
  const [mine, theirs]: [number[], number[]] = [[], []];
  for (let round = rounds === 1 ? 1 : 0; round <= rounds; round++) {
    const [a, b] = [await time(ours), await time(other)];
    if (round === 0) continue;
    mine.push(a);
    theirs.push(b);
  }
  const range = ratioRange(theirs, mine);
  return {
    value: medianRatio(theirs, mine),
    detail: `${short(median(mine))} ms and ${short(median(theirs))} ms, single rounds ${short(range.min)} to ${short(range.max)}`,
  };
}
