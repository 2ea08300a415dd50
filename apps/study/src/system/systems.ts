import { dense } from "@saccade/core";
import { attentionSystem } from "./attention-system.ts";
import { naive } from "./naive.ts";
import type { System } from "./system.ts";

/** What a study can measure. Dense attention stands first: on text, the others are compared only where it retrieves. */
export const SYSTEMS: readonly System[] = [
  attentionSystem("dense", "exact attention in tiles, without the N x M scores", ({ causal, scale }) =>
    dense({ causal, scale }),
  ),
  naive,
];

/** @throws RangeError naming the systems there are. */
export function systemNamed(name: string): System {
  const system = SYSTEMS.find((each) => each.name === name);
  if (system) return system;
  throw new RangeError(`no system is called "${name}"; there are ${SYSTEMS.map((each) => each.name).join(", ")}`);
}
