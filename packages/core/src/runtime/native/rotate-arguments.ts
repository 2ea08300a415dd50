import type { RotateArguments } from "@saccade/native";
import type { RotationJob } from "../../rotation.ts";
import { floatsOf } from "../../tensor.ts";
import type { NativePackage } from "./addon.ts";
import { putView } from "./arguments.ts";

/** A rotation as the addon takes it. */
export function rotateArguments(
  { from, to, rotation, positions, positionStride, offset }: RotationJob,
  isa: number,
  places: NativePackage["ROTATE_NUMBERS"],
): RotateArguments {
  const numbers = new Float64Array(places.count);
  numbers[places.isa] = isa;
  numbers[places.B] = from.batch;
  numbers[places.H] = from.heads;
  numbers[places.N] = from.length;
  numbers[places.D] = from.width;
  numbers[places.R] = rotation.rotaryDim;
  numbers[places.rows] = rotation.length;
  numbers[places.interleaved] = rotation.pairs === "interleaved" ? 1 : 0;
  numbers[places.offset] = offset;
  numbers[places.positionB] = positionStride;
  putView(numbers, places.from, from);
  putView(numbers, places.to, to);
  return [numbers, floatsOf(from), floatsOf(to), rotation.cos, rotation.sin, positions];
}
