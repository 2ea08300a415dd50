import type { Tensor } from "@saccade/core";

/** Infini-attention segment by segment in whole matrices, float64; contiguous [B, H, N, D] inputs. It shares no code with the package. */
export function explicitInfini(
  { q, k, v }: { readonly q: Tensor; readonly k: Tensor; readonly v: Tensor },
  options: { readonly segment: number; readonly gates: readonly number[]; readonly delta: boolean },
): Float64Array {
  const [H, G, N, D, E] = [q.heads, k.heads, q.length, q.width, v.width];
  const rows = ({ data, width }: Tensor, head: number, from: number, to: number): number[][] =>
    Array.from({ length: to - from }, (_, i) => [
      ...(data as Float32Array).subarray((head * N + from + i) * width, (head * N + from + i + 1) * width),
    ]);
  const sigma = (matrix: number[][]): number[][] =>
    matrix.map((row) => row.map((x) => (x > 0 ? x : Math.exp(x) - 1) + 1));
  const times = (a: number[][], b: number[][]): number[][] =>
    a.map((row) => b[0]!.map((_, j) => row.reduce((sum, x, i) => sum + x * b[i]![j]!, 0)));
  const out = new Float64Array(q.batch * H * N * E);
  for (let head = 0; head < q.batch * H; head++) {
    const [b, h] = [Math.floor(head / H), head % H];
    const g = b * G + Math.floor((h * G) / H);
    const gate = 1 / (1 + Math.exp(-options.gates[h]!));
    let M = Array.from({ length: D }, () => Array.from({ length: E }, () => 0));
    const z = Array.from({ length: D }, () => 0);
    const fromMemory = (x: number[][]): number[][] =>
      times(sigma(x), M).map((row, i) => {
        const total = sigma(x)[i]!.reduce((sum, y, d) => sum + y * z[d]!, 0);
        return row.map((y) => (total === 0 ? 0 : y / total));
      });
    for (let from = 0; from < N; from += options.segment) {
      const to = Math.min(from + options.segment, N);
      const [Q, K, V] = [rows(q, head, from, to), rows(k, g, from, to), rows(v, g, from, to)];
      const far = fromMemory(Q);
      for (const [i, query] of Q.entries()) {
        const weights = K.slice(0, i + 1).map((key) =>
          Math.exp(query.reduce((sum, x, d) => sum + x * key[d]!, 0) / Math.sqrt(D)),
        );
        const sum = weights.reduce((total, w) => total + w, 0);
        for (let e = 0; e < E; e++) {
          const near = weights.reduce((total, w, j) => total + (w / sum) * V[j]![e]!, 0);
          out[(head * N + from + i) * E + e] = gate * far[i]![e]! + (1 - gate) * near;
        }
      }
      const known = fromMemory(K);
      const written = options.delta ? V.map((row, i) => row.map((x, e) => x - known[i]![e]!)) : V;
      const keys = sigma(K);
      M = M.map((row, d) => row.map((x, e) => x + keys.reduce((sum, key, j) => sum + key[d]! * written[j]![e]!, 0)));
      for (const key of keys) for (let d = 0; d < D; d++) z[d]! += key[d]!;
    }
  }
  return out;
}
