/** Programs that a user could have written: plain JavaScript, run where only the published packages are installed. */

export const importOf = (name: string): string => `await import(${JSON.stringify(name)});\n`;

/** Checks dense attention against the reference and prints which runtime computed it. */
export const denseAttention: string = `
import { dense, tensor } from "@saccade/core";

const [batch, heads, tokens, size] = [1, 2, 64, 32];
const random = (seed) => {
  const data = new Float32Array(batch * heads * tokens * size);
  for (let i = 0; i < data.length; i++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    data[i] = seed / 2 ** 31 - 1;
  }
  return tensor(data, { shape: [batch, heads, tokens, size], layout: "bhnd" });
};
const inputs = { q: random(1), k: random(2), v: random(3) };
const attend = dense({ causal: true });
const result = await attend.forward(inputs);
const expected = attend.reference(inputs).out;
let error = 0;
for (let i = 0; i < expected.length; i++) error = Math.max(error, Math.abs(expected[i] - result.out.data[i]));
if (!(error < 1e-5)) throw new Error("dense: off by " + error);
console.log(JSON.stringify({ runtime: result.runtime, error }));
`;
