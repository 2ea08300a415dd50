import type { OnnxTensor } from "./proto.ts";

/** ONNX's own tolerances for operator tests. */
export const TOLERANCE: { readonly relative: number; readonly absolute: number } = { relative: 1e-3, absolute: 1e-7 };

/**
 * What separates `actual` from `expected`, or undefined when every element has
 * |actual - expected| <= absolute + relative |expected|. NaN equals NaN, and an infinity only itself.
 */
export function difference(
  actual: OnnxTensor,
  expected: OnnxTensor,
  tolerance: { readonly relative: number; readonly absolute: number } = TOLERANCE,
): string | undefined {
  if (actual.type !== expected.type) return `expected type ${expected.type}, got ${actual.type}`;
  if (actual.shape.join() !== expected.shape.join()) {
    return `expected shape [${expected.shape.join(", ")}], got [${actual.shape.join(", ")}]`;
  }
  let wrong = 0;
  let first = -1;
  for (const [i, want] of expected.values.entries()) {
    const got = actual.values[i]!;
    if (Object.is(got, want) || got === want) continue;
    if (Math.abs(got - want) <= tolerance.absolute + tolerance.relative * Math.abs(want) && Number.isFinite(want))
      continue;
    if (first < 0) first = i;
    wrong++;
  }
  if (wrong === 0) return undefined;
  const { length } = expected.values;
  return `${wrong} of ${length} values differ, first at ${first}: expected ${expected.values[first]}, got ${actual.values[first]}`;
}
