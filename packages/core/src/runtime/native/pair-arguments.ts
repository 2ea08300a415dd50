import type { CallArguments } from "@saccade/native";
import { floatsOf } from "../../tensor.ts";
import { SCORING } from "../pair-units.ts";
import type { PairJob } from "../runtime.ts";
import type { NativePackage } from "./addon.ts";
import { fixed, putView } from "./arguments.ts";

type Places = NativePackage["NUMBERS"];

const NONE: Int32Array = new Int32Array(0);

/** A job of scores as the addon takes it; `numbers` is filled and may be used again afterwards. */
export function pairArguments(
  { q, k, scale, reduce, out }: PairJob,
  units: Int32Array,
  isa: number,
  threads: number,
  places: Places,
  numbers: Float64Array,
): CallArguments {
  const [outHeads, batch] = [reduce.kind === "each" ? q.heads : k.heads, q.batch];
  const each = reduce.kind === "mass" ? reduce.lse : reduce.kind === "relu" ? reduce.weights : undefined;
  numbers.fill(0);
  numbers[places.isa] = isa;
  numbers[places.threads] = threads;
  numbers[places.B] = batch;
  numbers[places.H] = q.heads;
  numbers[places.G] = k.heads;
  numbers[places.N] = q.length;
  numbers[places.M] = k.length;
  numbers[places.D] = q.width;
  numbers[places.E] = 1;
  numbers[places.scale] = scale;
  numbers[places.keyRows] = k.length;
  numbers[places.scoring] = SCORING[reduce.kind];
  putView(numbers, places.q, q);
  putView(numbers, places.k, k);
  // Values are not looked at: a column of the keys stands for them.
  putView(numbers, places.v, k);
  const row = k.length;
  numbers.set([0, outHeads * q.length * row, q.length * row, row], places.out);
  numbers.set([0, q.heads * q.length, q.length, 0], places.lse);
  const keys = fixed("k", floatsOf(k));
  const positions = new Int32Array(batch);
  return [
    numbers,
    units,
    NONE,
    positions,
    positions,
    NONE,
    NONE,
    NONE,
    fixed("q", floatsOf(q)),
    keys,
    keys,
    out,
    each,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ];
}
