import { dense, mask, openRuntime, tensor, type Decoder, type SelectedAttention, type Tensor } from "@saccade/core";
import { gaussianLike } from "../measure/inputs.ts";
import type { CallShape } from "../measure/shape.ts";
import { median, medianRatio, ratioRange } from "../measure/statistics.ts";
import { short } from "../report.ts";
import type { RuntimeClass } from "../systems/registry.ts";
import type { Measured } from "./bar.ts";

const ROUNDS = 21;
/** Tokens that fill the caches in one call. */
const PIECE = 8192;

/** How many times faster a step of a selecting decoder is than the dense one, on the same cache, turn by turn. */
export async function stepTimesOver(
  name: RuntimeClass,
  threads: number,
  { B, H, G, M, D, E }: CallShape,
  attend: SelectedAttention,
): Promise<Measured> {
  await using runtime = await openRuntime(name, { threads });
  const sizes = { batch: B, heads: H, kvHeads: G, headDim: D, valueDim: E, capacity: M, rewindable: 1, runtime };
  await using ours = attend.decoder(sizes);
  // Queries that fill the cache look at nothing.
  await using theirs = dense({ causal: true, mask: mask`q >= ${M - 1}` }).decoder(sizes);
  const rows = (heads: number, length: number, width: number, seed: number): Tensor =>
    tensor(gaussianLike(B * heads * length * width, seed), { shape: [B, heads, length, width] });
  for (let first = 0; first < M - 1; first += PIECE) {
    const count = Math.min(PIECE, M - 1 - first);
    const [k, v] = [rows(G, count, D, 2 * first + 1), rows(G, count, E, 2 * first + 2)];
    // One after another is how a cache grows.
    // oxlint-disable-next-line no-await-in-loop
    await ours.append({ q: rows(H, 0, D, 1), k, v });
    const q = tensor(new Float32Array(B * H * count * D), { shape: [B, H, count, D] });
    // oxlint-disable-next-line no-await-in-loop
    await theirs.append({ q, k, v });
  }
  const step = { q: rows(H, 1, D, 0x51ed), k: rows(G, 1, D, 0xc2b2), v: rows(G, 1, E, 0x9e37) };
  const time = (decoder: Pick<Decoder, "appendSync" | "rewind">): number => {
    const start = performance.now();
    decoder.appendSync(step);
    const ms = performance.now() - start;
    decoder.rewind(1);
    return ms;
  };
  const [mine, others]: [number[], number[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round++) {
    const [a, b] = [time(ours), time(theirs)];
    if (round === 0) continue;
    mine.push(a);
    others.push(b);
  }
  const range = ratioRange(others, mine);
  return {
    value: medianRatio(others, mine),
    detail: `${short(median(mine))} ms and ${short(median(others))} ms, single rounds ${short(range.min)} to ${short(range.max)}`,
  };
}
