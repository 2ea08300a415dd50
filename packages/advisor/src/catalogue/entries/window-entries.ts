import { construct } from "../construction.ts";
import { CAUSAL, type Entry } from "../entry.ts";

export const WINDOW_ENTRIES: readonly Entry[] = [
  {
    name: "dense",
    description: "softmax attention over all keys",
    family: "dense",
    packageName: "@saccade/core",
    main: undefined,
    options: { causal: CAUSAL },
    ...{ exact: true, needsTraining: false, selection: "static", kind: "softmax" },
    settings: (given) => (given.is("causal") ? "causal" : ""),
    construction: (given) => construct("dense", given.is("causal") ? { causal: true } : {}),
  },
  {
    name: "window",
    description: "softmax attention inside a sliding window, with the first keys as sinks",
    family: "sliding-window",
    packageName: "@saccade/sliding-window",
    main: "window",
    options: {
      window: { description: "keys that a query sees, its own included", default: 1024, least: 1 },
      sinks: { description: "first keys, which stay visible", default: 0 },
      dilation: { description: "only every so-manieth key is seen", default: 1, least: 1 },
      causal: CAUSAL,
    },
    ...{ exact: false, needsTraining: false, selection: "static", kind: "softmax" },
    settings: (given) => {
      const [sinks, dilation] = [given.number("sinks"), given.number("dilation")];
      const parts = [
        `${given.number("window")} keys${given.is("causal") ? "" : " to either side"}`,
        ...(sinks > 0 ? [`${sinks} sinks`] : []),
        ...(dilation > 1 ? [`dilation ${dilation}`] : []),
      ];
      return parts.join(", ");
    },
    construction: (given) =>
      construct("slidingWindow", {
        window: given.number("window"),
        ...(given.number("sinks") > 0 && { sinks: given.number("sinks") }),
        ...(given.number("dilation") > 1 && { dilation: given.number("dilation") }),
        ...(!given.is("causal") && { causal: false }),
      }),
  },
];
