import { mask, type Attention } from "@saccade/core";
import {
  bandSchedule,
  softmaxAttention,
  UNBOUNDED,
  visibilitySchedule,
  type Reach,
  type Visibility,
} from "@saccade/core/variants";
import type { Compression } from "./compression.ts";

interface BranchSizes {
  readonly compression: Pick<Compression, "length" | "stride">;
  readonly window: number;
  readonly scale: number | undefined;
}

/** Compressed blocks are seen once their last token is. */
export function compressedVisibility({ length, stride }: BranchSizes["compression"]): Visibility {
  return { reach: UNBOUNDED, mask: mask`k * ${stride} + ${length - 1} <= q` };
}

export function windowReach(window: number): Reach {
  return { ahead: 0, back: window - 1 };
}

/** Attention over compressed keys alone. */
export function compressedBranch({ compression, scale }: BranchSizes): Attention {
  const visibility = compressedVisibility(compression);
  return softmaxAttention({
    ...PLAIN,
    scale,
    visibility,
    schedule: (shape, at, pairTerms) => visibilitySchedule(shape, at, visibility, pairTerms),
  });
}

/** The window alone. */
export function windowBranch({ window, scale }: BranchSizes): Attention {
  const reach = windowReach(window);
  return softmaxAttention({
    ...PLAIN,
    scale,
    visibility: { reach, mask: undefined },
    schedule: (shape, at, pairTerms) => bandSchedule(shape, at, reach, pairTerms),
  });
}

const PLAIN = { name: "nativeSparse", selection: "static", softcap: 0, learnedSinks: undefined } as const;
