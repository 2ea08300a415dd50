import type { Candidate, CandidateCode } from "./candidate.ts";
import { constructed, dependsOnSizes, importsOf, textOf, type Construction, type HeadSizes } from "./construction.ts";
import type { Entry } from "./entry.ts";
import type { TokenInput } from "./made-inputs.ts";
import { OptionValues } from "./option-values.ts";
import { entryNamed, filledIn, parseVariant, variantId } from "./parse-variant.ts";
import { attentionParts } from "./attention-candidate.ts";
import { recurrenceParts } from "./recurrence-candidate.ts";
import type { VariantSpec } from "./variant-spec.ts";

/** What kinds of candidates have in common. */
export interface Making {
  readonly id: string;
  readonly entry: Entry;
  /** The variant for these sizes. */
  readonly variant: (sizes: HeadSizes) => unknown;
  /** Whether one variant serves all sizes. */
  readonly fixed: boolean;
  readonly inputs: readonly TokenInput[];
  /** Tokens that a sequence has at most. */
  readonly most: number;
}

/**
 * A variant of the catalogue, ready to be planned and called.
 *
 * @param variant as `parseVariant` reads it, or what it returned.
 * @throws RangeError in one line for what the catalogue does not have, and for options that do not go together.
 * @example
 * const window = candidate("window:1024:sinks=4");
 * console.log(window.plan({ heads: 8, queries: 65_536, headDim: 64 }).flops);
 */
export function candidate(variant: VariantSpec | string): Candidate {
  const spec = typeof variant === "string" ? parseVariant(variant) : parseVariant(variantId(variant));
  const entry = entryNamed(spec.variant);
  const id = variantId(spec);
  const given = new OptionValues(filledIn(entry, spec));
  const construction = entry.construction(given);
  const inputs = entry.inputs?.(given) ?? [];
  const making: Making = {
    ...{ id, entry, inputs },
    variant: remembered(id, construction),
    fixed: !dependsOnSizes(construction),
    most: entry.most?.(given) ?? 2 ** 30,
  };
  // Options that do not go together are found out here, not at the first call.
  making.variant({ heads: 1, kvHeads: 1, headDim: 64 });
  const settings = entry.settings(given);
  return {
    ...{ id, spec },
    family: entry.family,
    packageName: entry.packageName,
    description: settings === "" ? entry.description : `${entry.description}: ${settings}`,
    code: codeOf(entry, construction, inputs),
    selection: entry.selection,
    causal: !Object.hasOwn(entry.options, "causal") || given.is("causal"),
    exact: entry.exact,
    needsTraining: entry.needsTraining,
    gates: inputs.flatMap(({ gate }) => gate ?? []),
    ...(entry.kind === "recurrence" ? recurrenceParts(making) : attentionParts(making)),
  };
}

/** Makes it once, or once for every size it depends on. */
function remembered(id: string, construction: Construction): Making["variant"] {
  const made = new Map<string, unknown>();
  const depends = dependsOnSizes(construction);
  return (sizes) => {
    const key = depends ? `${sizes.heads} ${sizes.kvHeads} ${sizes.headDim}` : "";
    if (!made.has(key))
      made.set(
        key,
        named(id, () => constructed(construction, sizes)),
      );
    return made.get(key);
  };
}

function named<T>(id: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new RangeError(`variant "${id}": ${(error as Error).message}`, { cause: error });
  }
}

function codeOf(entry: Entry, construction: Construction, inputs: readonly TokenInput[]): CandidateCode {
  const { [entry.packageName]: imports = [], ...otherImports } = Object.fromEntries(importsOf(construction));
  return {
    imports,
    otherImports,
    expression: textOf(construction),
    inputs: Object.fromEntries(inputs.map(({ name, sizes, heads, width }) => [name, { sizes, heads, width }])),
  };
}
