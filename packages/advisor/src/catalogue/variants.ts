import { ENTRIES } from "./entries/all-entries.ts";
import type { CatalogueVariant } from "./variant-spec.ts";

/** What there is: every variant with its options, in the order in which programs list them. */
export const VARIANTS: readonly CatalogueVariant[] = ENTRIES.map(
  ({ name, description, family, packageName, main, options, exact, needsTraining }) => ({
    ...{ name, description, family, packageName, main, options, exact, needsTraining },
  }),
);
