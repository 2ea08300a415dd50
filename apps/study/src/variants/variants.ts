import { type Candidate, candidate } from "@saccade/advisor";
import { loadStudyFile } from "../settings/load-study-file.ts";
import { UsageError } from "../settings/usage-error.ts";

/** Variants that a study's file defines, by id. */
export type OwnVariants = ReadonlyMap<string, Candidate>;

/**
 * A variant by what a study calls it: one of the file's own, else one of the catalogue.
 *
 * @throws UsageError saying what is wrong with the text.
 */
export function variantNamed(text: string, own: OwnVariants): Candidate {
  const known = own.get(text);
  if (known !== undefined) return known;
  try {
    return candidate(text);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/** The same in another process, which imports the file again. */
export async function variantIn(file: string | undefined, text: string): Promise<Candidate> {
  return variantNamed(text, file === undefined ? new Map() : (await loadStudyFile(file)).own);
}
