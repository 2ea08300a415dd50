/** The name that a mistyped one is most like: at most a third of its letters differ. undefined where none is. */
export function nearest(typed: string, names: readonly string[]): string | undefined {
  let [best, least] = [undefined as string | undefined, Math.max(1, Math.floor(typed.length / 3)) + 1];
  for (const name of names) {
    const edits = distance(typed, name);
    if (edits < least) [best, least] = [name, edits];
  }
  return best ?? names.find((name) => typed.length >= 3 && name.startsWith(typed));
}

/** Letters to insert, remove, replace, or swap with their neighbour (Damerau and Levenshtein). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) edits = Math.min(edits, before[j - 2]! + 1);
      row.push(edits);
    }
    [before, above] = [above, row];
  }
  return above[b.length]!;
}
