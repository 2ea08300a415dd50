import type { ProductArguments } from "@saccade/native";
import { STORED_CODE } from "../../stored.ts";
import type { ProductJob } from "../runtime.ts";
import type { NativePackage } from "./addon.ts";
import { fixed } from "./arguments.ts";

/** A product, or a packing, as the addon takes it, writing to `out`. */
export function productArguments(
  job: ProductJob,
  out: Float32Array,
  isa: number,
  threads: number,
  places: NativePackage["PRODUCT_PLACES"],
): ProductArguments {
  const { x, weights, bias } = job;
  const numbers = new Float64Array(places.count);
  numbers[places.isa] = isa;
  numbers[places.threads] = threads;
  numbers[places.N] = job.rows;
  numbers[places.I] = job.inputs;
  numbers[places.O] = job.outputs;
  numbers[places.mode] = x === undefined ? 1 : 0;
  numbers[places.type] = STORED_CODE[job.type];
  return [numbers, x && fixed("x", x), fixed("weights", weights), bias && fixed("bias", bias), fixed("out", out)];
}
