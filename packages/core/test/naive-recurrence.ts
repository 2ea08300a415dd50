import type { RecurrenceJob } from "../src/recurrence/recurrence.ts";
import { floatsOf, type Tensor } from "../src/tensor.ts";

/** The recurrence in plain f32, token by token: what the accuracy of a runtime is compared with. */
export function naiveRecurrence(job: RecurrenceJob): { readonly out: Float32Array; readonly state: Float32Array } {
  const f = Math.fround;
  const { batch, heads, kvHeads, valueHeads, tokens, headDim: D, valueDim: E } = job.shape;
  const most = Math.max(heads, valueHeads);
  const out = new Float32Array(batch * most * tokens * E);
  const state = job.state.slice();
  const normaliser = job.normaliser?.slice();
  const { decay, rule } = job;
  for (let b = 0; b < batch; b++) {
    for (let s = 0; s < valueHeads; s++) {
      const S = state.subarray((b * valueHeads + s) * D * E, (b * valueHeads + s + 1) * D * E);
      const z = normaliser?.subarray((b * valueHeads + s) * D, (b * valueHeads + s + 1) * D);
      const times = (x: Float32Array): Float32Array => {
        const sums = new Float32Array(E);
        for (let d = 0; d < D; d++) for (let e = 0; e < E; e++) sums[e] = sums[e]! + f(x[d]! * S[d * E + e]!);
        return sums;
      };
      for (let t = 0; t < (job.lengths?.[b] ?? tokens); t++) {
        if (job.mode !== "read") {
          const k = row(job.k, b, Math.floor((s * kvHeads) / valueHeads), t);
          let v = row(job.v, b, s, t);
          const w = new Float32Array(D).fill(1);
          if (decay.kind === "head") w.fill(Math.exp(decay.log[s]!));
          if (decay.kind === "token") w.fill(Math.exp(row(decay.log, b, s, t)[0]!));
          if (decay.kind === "channel") w.set(row(decay.log, b, s, t).map((x) => Math.exp(x)));
          const x = rule.kind === "general" ? times(row(rule.a, b, s, t)) : undefined;
          for (let d = 0; d < D; d++) for (let e = 0; e < E; e++) S[d * E + e] = w[d]! * S[d * E + e]!;
          if (rule.kind === "delta") {
            const recalled = times(k);
            const beta = row(rule.beta, b, s, t)[0]!;
            v = v.map((value, e) => f(beta * f(value - recalled[e]!)));
          }
          for (let d = 0; d < D; d++) for (let e = 0; e < E; e++) S[d * E + e] = S[d * E + e]! + f(k[d]! * v[e]!);
          if (rule.kind === "general") {
            const again = row(rule.b, b, s, t);
            for (let d = 0; d < D; d++)
              for (let e = 0; e < E; e++) S[d * E + e] = S[d * E + e]! + f(again[d]! * x![e]!);
          }
          if (z) for (let d = 0; d < D; d++) z[d] = f(w[d]! * z[d]!) + k[d]!;
        }
        if (job.mode === "write") continue;
        for (let o = (s * most) / valueHeads; o < ((s + 1) * most) / valueHeads; o++) {
          const q = row(job.q, b, Math.floor((o * heads) / most), t);
          const sums = times(q);
          let total = 0;
          if (z) for (let d = 0; d < D; d++) total = f(total + f(q[d]! * z[d]!));
          for (let e = 0; e < E; e++) {
            out[((b * most + o) * tokens + t) * E + e] = z
              ? total === 0 && sums[e] === 0
                ? 0
                : sums[e]! / total
              : f(job.scale) * sums[e]!;
          }
        }
      }
    }
  }
  return { out, state };
}

function row(view: Tensor, b: number, h: number, t: number): Float32Array {
  const at = view.offset + b * view.strides.b + h * view.strides.h + t * view.strides.n;
  return floatsOf(view).slice(at, at + view.width);
}
