import { checkSize } from "../shape.ts";

/** @throws RangeError when documents are not lengths, or do not hold all keys. */
export function checkDocuments(where: string, documents: ArrayLike<number> | undefined, keys: number): void {
  if (documents === undefined) return;
  let sum = 0;
  for (let d = 0; d < documents.length; d++) sum += checkSize(where, `documents[${d}]`, documents[d]!, 0);
  if (sum < keys) throw new RangeError(`${where}: documents have ${sum} keys together, expected at least M = ${keys}`);
}
