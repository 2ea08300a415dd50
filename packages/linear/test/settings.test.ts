import { dense, type LinearInputs, type Tensor } from "@saccade/core";
import { describe, expect, test } from "vitest";
import {
  deltaNet,
  eluPlusOne,
  gated,
  gatedDeltaNet,
  identity,
  kimiDelta,
  lightning,
  linear,
  logLinear,
  lolcats,
  retention,
  rwkv7,
  scalarGated,
} from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { beta, channelDecay, difference, flattened, inputsOf, scalarDecay, type Sizes } from "./call-inputs.ts";

const runtimes = await availableRuntimes();
const sizes: Sizes = { batch: 2, heads: 4, kvHeads: 2, valueHeads: 2, tokens: 45, headDim: 8, valueDim: 6 };

/** A gate for the same heads and tokens. */
function gate(like: Tensor, width: number, of: (row: number, d: number) => number): Tensor {
  const { batch, heads, length } = like;
  const data = Float32Array.from({ length: batch * heads * length * width }, (_, i) =>
    of(Math.floor(i / width), i % width),
  );
  const strides = { b: heads * length * width, h: length * width, n: width };
  return { ...like, data, width, layout: "bhnd", offset: 0, strides };
}

describe.each(runtimes)("one recurrence with settings, on $label:", ({ runtime }) => {
  const close = (x: { readonly out: Tensor }, y: { readonly out: Tensor }): void =>
    expect(difference(flattened(x.out), flattened(y.out))).toBeLessThan(1e-5);

  test("without decay all gates are linear attention", () => {
    const call = inputsOf(sizes, {}, {});
    const plain = linear({ map: identity() }).forwardSync(call, { runtime });
    const none = gate(call.v, 1, () => 0);
    close(scalarGated().forwardSync({ ...call, decay: none }, { runtime }), plain);
    close(gated().forwardSync({ ...call, decay: gate(call.v, 8, () => 0) }, { runtime }), plain);
    close(lightning({ slopes: [0, 0] }).forwardSync(call, { runtime }), plain);
    close(retention({ decay: [1, 1] }).forwardSync(call, { runtime }), plain);
    const levels = gate(call.q, 8, () => 1);
    close(logLinear({ levels: 8 }).forwardSync({ ...call, decay: none, levels }, { runtime }), plain);
  });

  test("a decay by head is one by token, and one by token is one by channel", () => {
    const call = inputsOf(sizes, { decay: scalarDecay }, {});
    const numbers = flattened(call.decay);
    const channels = gate(call.v, 8, (row) => numbers[row]!);
    close(gated().forwardSync({ ...call, decay: channels }, { runtime }), scalarGated().forwardSync(call, { runtime }));
    const fixed = gate(call.v, 1, (row) => Math.log(1 - 2 ** (-5 - (Math.floor(row / 45) % 2))));
    close(
      retention().forwardSync(call, { runtime }),
      scalarGated().forwardSync({ ...call, decay: fixed }, { runtime }),
    );
    const levels = gate(call.q, 8, () => 1);
    close(
      logLinear({ levels: 8 }).forwardSync({ ...call, levels }, { runtime }),
      scalarGated().forwardSync(call, { runtime }),
    );
  });

  test("the delta rules are one another without decay, and RWKV-7 with a = -w k and b = beta k", () => {
    const call = inputsOf(sizes, { decay: channelDecay, beta }, { unitKeys: true });
    const kda = kimiDelta().forwardSync(call, { runtime });
    const plain = deltaNet().forwardSync(call, { runtime });
    close(kimiDelta().forwardSync({ ...call, decay: gate(call.v, 8, () => 0) }, { runtime }), plain);
    close(gatedDeltaNet().forwardSync({ ...call, decay: gate(call.v, 1, () => 0) }, { runtime }), plain);
    const [k, v, logs, shares] = [call.k, call.v, call.decay, call.beta].map(flattened) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const general: LinearInputs<"decay" | "a" | "b"> = {
      ...call,
      v: gate(call.v, 6, (row, e) => shares[row]! * v[row * 6 + e]!),
      a: gate(call.v, 8, (row, d) => -Math.exp(logs[row * 8 + d]!) * k[row * 8 + d]!),
      b: gate(call.v, 8, (row, d) => shares[row]! * k[row * 8 + d]!),
    };
    close(rwkv7({ scale: 1 / Math.sqrt(8) }).forwardSync(general, { runtime }), kda);
  });

  test("a state space model is a gate with values that are scaled by the step", () => {
    const call = inputsOf(sizes, { dt: { width: () => 1, of: (x) => x } }, {});
    const [steps, v] = [flattened(call.dt), flattened(call.v)];
    const a = [-0.5, -2];
    const decay = gate(call.v, 1, (row) => a[Math.floor(row / 45) % 2]! * steps[row]!);
    const scaled = gate(call.v, 6, (row, e) => steps[row]! * v[row * 6 + e]!);
    close(
      scalarGated({ a }).forwardSync(call, { runtime }),
      scalarGated({ scale: 1 }).forwardSync({ ...call, v: scaled, decay }, { runtime }),
    );
  });

  test("lolcats with a window over everything is softmax attention", () => {
    const call = inputsOf(sizes, {}, {});
    for (const stabilised of [true, false]) {
      const attend = lolcats({ window: 45, map: eluPlusOne(), stabilised });
      close(attend.forwardSync(call, { runtime }), dense({ causal: true }).forwardSync(call, { runtime }));
    }
  });

  test("grouped heads are heads that are repeated", () => {
    const call = inputsOf(sizes, { decay: channelDecay, beta }, { unitKeys: true });
    const repeat = (view: Tensor): Tensor => {
      const numbers = flattened(view);
      const each = 45 * view.width;
      return gate(call.q, view.width, (row, d) => {
        const [b, h, n] = [Math.floor(row / 45 / 4), Math.floor(row / 45) % 4, row % 45];
        return numbers[(b * 2 + Math.floor(h / 2)) * each + n * view.width + d]!;
      });
    };
    const repeated = {
      ...call,
      k: repeat(call.k),
      v: repeat(call.v),
      decay: repeat(call.decay),
      beta: repeat(call.beta),
    };
    close(kimiDelta().forwardSync(call, { runtime }), kimiDelta().forwardSync(repeated, { runtime }));
  });
});

test.each<[() => unknown, string]>([
  [
    () => linear({ map: identity(), normalise: true }),
    "linear: a normaliser needs weights that are never negative, those of identity may be",
  ],
  [() => linear({} as never), "linear: map is missing, expected a feature map"],
  [() => linear({ map: eluPlusOne(), scale: Infinity }), "linear: scale is Infinity, expected a finite number"],
  [() => retention({ decay: [0.5, 1.5] }), "retention: decay[1] is 1.5, expected a number in (0, 1]"],
  [() => lightning({ slopes: [-1] }), "lightning: slopes[0] is -1, expected a number of at least 0"],
  [() => lightning({} as never), "lightning: slopes is undefined"],
  [() => scalarGated({ a: [1] }), "scalarGated: a[0] is 1, expected a number below 0"],
  [() => scalarGated({ a: 1 as never }), "scalarGated: a is 1, expected a number for every value head"],
  [() => logLinear({ levels: 31 }), "logLinear: levels is 31, expected an integer in 1..30"],
  [() => lolcats({ window: 0, map: eluPlusOne() }), "lolcats: window is 0"],
  [() => lolcats({ window: 4, map: identity() }), "lolcats: products of identity may be negative"],
])("options that make no sense are refused: %s", (make, message) => {
  expect(make).toThrow(message);
});

describe("calls that do not fit together are refused:", () => {
  const call = inputsOf(sizes, { decay: channelDecay, beta }, {});
  const cases: [string, () => unknown, string][] = [
    [
      "a gate of another width",
      () => gatedDeltaNet().forwardSync(call),
      "gatedDeltaNet.forwardSync: decay has batch, heads, tokens and width [2, 2, 45, 8], expected [2, 2, 45, 1]",
    ],
    [
      "a mask",
      () => gated().forwardSync({ ...call, mask: 1 } as never),
      "gated.forwardSync: there is no mask where a state stands for the keys",
    ],
    [
      "lengths of keys",
      () => gated().forwardSync({ ...call, keyLengths: [1, 1] } as never),
      "gated.forwardSync: keyLengths are lengths here, expected lengths",
    ],
    [
      "an lse",
      () => gated().forwardSync(call, { lse: true } as never),
      "gated.forwardSync: there is no lse, which only a softmax has",
    ],
    [
      "a gate that is missing",
      () => gated().forwardSync({ ...call, decay: undefined as never }),
      "gated.forwardSync: decay is undefined, expected a tensor",
    ],
    [
      "keys of other tokens",
      () => gated().forwardSync({ ...call, k: { ...call.k, length: 44 } }),
      "gated.forwardSync: k has batch",
    ],
    [
      "decays for other heads",
      () => retention({ decay: [0.5] }).forwardSync(call),
      "retention.forwardSync: decay has 1 numbers, v has V = 2 heads",
    ],
    [
      "lengths beyond N",
      () => gated().forwardSync({ ...call, lengths: [46, 1] }),
      "gated.forwardSync: lengths[0] is 46, expected an integer in 0..45",
    ],
    [
      "an output that is an input",
      () => gated().forwardSync(call, { out: { ...call.q, width: 6 } }),
      "gated.forwardSync: out overlaps an input",
    ],
    [
      "a state of another variant",
      () => gated().forwardSync({ ...call, state: scalarGated().state(sizes) }),
      "gated.forwardSync: state is one of scalarGated",
    ],
    [
      "a state of other sizes",
      () => gated().forwardSync({ ...call, state: gated().state({ ...sizes, valueDim: 7 }) }),
      "gated.forwardSync: state is one of gated with",
    ],
    [
      "more tokens than a tree has room for",
      () =>
        logLinear({ levels: 5 }).forwardSync({
          ...call,
          decay: gate(call.v, 1, () => 0),
          levels: gate(call.q, 5, () => 1),
        }),
      "logLinear.forwardSync: 45 tokens in all, expected at most 16",
    ],
  ];
  test.each(cases)("%s", (_, run, message) => expect(run).toThrow(message));
});
