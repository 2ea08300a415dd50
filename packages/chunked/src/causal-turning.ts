import type { Rotary, Turning } from "@saccade/core/variants";

/** Every token turned by its own place. Queries before the text see no key: what they are turned by does not matter. */
export function causalTurning(rotary: Rotary): Turning {
  const place = (position: number): number => Math.max(0, position);
  return { rotary, key: place, queries: [place] };
}
