/** Diagonals next to each other: keys q - far .. q - near. */
export interface KeyBand {
  /** May be negative: keys after the query. */
  readonly near: number;
  /** At least `near`. */
  readonly far: number;
}

/** Distances q - k as bands, the farthest first; distances that follow each other are one band. */
export function bandsOf(ascending: ArrayLike<number>): KeyBand[] {
  const bands: KeyBand[] = [];
  for (let i = 0; i < ascending.length;) {
    const near = ascending[i]!;
    let far = near;
    for (i++; i < ascending.length && ascending[i] === far + 1; i++) far++;
    bands.push({ near, far });
  }
  return bands.toReversed();
}
