import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { candidate, parseVariant, variantId, VARIANTS, type VariantOption } from "../src/index.ts";

function valueOf(option: VariantOption): fc.Arbitrary<number | string> {
  if (option.words !== undefined) return fc.constantFrom(...option.words);
  const { least = 0, most = 2 ** 30, fractions = false } = option;
  if (fractions) return fc.integer({ min: least * 100, max: most * 100 }).map((x) => x / 100);
  return fc.integer({ min: least, max: most });
}

/** A variant with values for some of its options. */
const specs = fc.constantFrom(...VARIANTS).chain(({ name, options }) =>
  fc
    .record(Object.fromEntries(Object.entries(options).map(([key, option]) => [key, valueOf(option)])), {
      requiredKeys: [],
    })
    .map((given) => ({ variant: name, options: given as Record<string, number | string> })),
);

describe("variantId and parseVariant", () => {
  it("are each other's inverse on canonical specs", () => {
    fc.assert(
      fc.property(specs, (spec) => {
        const id = variantId(spec);
        const read = parseVariant(id);
        expect(variantId(read)).toBe(id);
        expect(parseVariant(variantId(read))).toEqual(read);
        expect(id.startsWith(spec.variant)).toBe(true);
        for (const [name, value] of Object.entries(read.options)) {
          const { options } = VARIANTS.find((each) => each.name === spec.variant)!;
          expect(spec.options[name] ?? options[name]!.default).toBe(value);
        }
      }),
    );
  });

  it("give equal ids to equal settings, however they are written", () => {
    for (const [text, id] of [
      ["window", "window:1024"],
      ["window:1024:sinks=0", "window:1024"],
      ["window:dilation=2:window=1k:sinks=4", "window:1024:sinks=4:dilation=2"],
      ["dense:causal=yes", "dense"],
      [" chunk:1m ", "chunk:1048576"],
      ["linear", "linear:elu"],
      ["cumulative:0.9", "cumulative:0.9"],
    ]) {
      expect(variantId(parseVariant(text!))).toBe(id);
      expect(candidate(text!).id).toBe(id);
    }
    expect(candidate({ variant: "window", options: { sinks: 4 } }).id).toBe("window:1024:sinks=4");
  });
});

describe("parseVariant", () => {
  it.each([
    ["windw", 'there is no variant "windw"; did you mean "window"? There are dense, window, chunk'],
    ["", 'there is no variant ""; there are dense'],
    ["window:sink=4", 'variant "window" has no option "sink"; did you mean "sinks"? There are window, sinks'],
    ["window:-1", 'variant "window": window is "-1", expected an integer in 1..2^30'],
    ["window:1.5", 'variant "window": window is "1.5", expected an integer'],
    ["window:wide", 'variant "window": window is "wide", expected an integer'],
    ["window:8:9", 'variant "window" takes options as name=value: window, sinks, dilation, causal; got "9"'],
    ["window:8:window=9", "window is given twice"],
    ["dense:8", 'variant "dense" takes options as name=value: causal; got "8"'],
    ["rwkv7:8", 'variant "rwkv7" takes no options; got "8"'],
    ["rwkv7:a=8", 'variant "rwkv7" has no option "a"; it has none'],
    ["linear:gelu", 'variant "linear": map is "gelu", expected elu or relu or identity or taylor'],
    ["cumulative:2", 'variant "cumulative": tau is "2", expected a number in 0..1'],
    ["window:sinks=", 'variant "window": sinks is "", expected an integer'],
    ["window:constructor=1", 'variant "window" has no option "constructor"'],
    ["constructor", 'there is no variant "constructor"'],
  ])("refuses %j in one line", (text, message) => {
    expect(() => parseVariant(text)).toThrow(RangeError);
    expect(() => parseVariant(text)).toThrow(message);
    try {
      parseVariant(text);
    } catch (error) {
      expect((error as Error).message).not.toContain("\n");
    }
  });

  it("leaves what does not go together to the variant, which says so at once", () => {
    expect(() => candidate("fixed:8:summary=16")).toThrow('variant "fixed:8": fixed: summary is 16');
    expect(() => candidate("big-bird:64:window=2")).toThrow("expected an odd number of blocks");
  });
});
