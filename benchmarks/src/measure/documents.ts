/**
 * The first token of the document that each token belongs to, for documents of random lengths; the same for the same numbers. With fewer
 * tokens than documents, each is its own.
 */
export function documentStarts(tokens: number, documents: number): Int32Array {
  const starts = new Uint8Array(tokens);
  starts[0] = 1;
  let state = 0x9e3779b9;
  for (let made = 1; made < Math.min(documents, tokens);) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const at = Math.floor((state / 2 ** 32) * tokens);
    if (starts[at] === 1) continue;
    starts[at] = 1;
    made++;
  }
  let start = 0;
  return Int32Array.from(starts, (begins, token) => (start = begins === 1 ? token : start));
}
