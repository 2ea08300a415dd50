import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import schema from "../../study.schema.json" with { type: "json" };
import { cellsOf } from "../grid/grid.ts";
import { checkStudyFile } from "./check-study-file.ts";
import { PRESETS, type PresetName } from "./presets.ts";
import { readStudy } from "./study.ts";

describe.each(Object.keys(PRESETS) as PresetName[])("the preset %s", (preset) => {
  it("names variants that there are, each as the grid writes it, and lengths that its text has", async () => {
    const { grid } = await readStudy(undefined, { preset });
    expect(grid.variants).toEqual(PRESETS[preset].variants);
    expect(grid.lengths).toEqual(PRESETS[preset].lengths);
    expect(cellsOf(grid)).toHaveLength(grid.variants.length * grid.lengths.length);
  });

  it("is in the schema, as are all its settings", () => {
    expect(schema.properties.preset.enum).toContain(preset);
    const settings = Object.keys(schema.properties.measure.properties);
    expect(settings).toEqual(expect.arrayContaining(Object.keys(PRESETS[preset].measure)));
  });
});

describe("the JSON schema", () => {
  it("takes the example of the README", () => {
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    const [, example] = /```json\n([\s\S]*?)```/.exec(readme) ?? [];
    const study = JSON.parse(example ?? "") as unknown;
    expect(checkStudyFile("README.md", study)).toBe(study);
  });
});

describe("a study", () => {
  it("takes from flags what they say, from the file what they do not, and the rest from the preset", async () => {
    const { grid } = await readStudy(undefined, {
      variants: ["dense"],
      lengths: ["1k", 256, 256],
      measure: { repeats: 7, threads: undefined },
    });
    expect(grid.variants).toEqual(["dense"]);
    expect(grid.lengths).toEqual([256, 1024]);
    expect(grid.measure).toEqual({ ...PRESETS.quick.measure, repeats: 7 });
  });

  it("is known by what its files hold, not by where they lie", async () => {
    const { grid, inputs } = await readStudy(undefined, { preset: "quick" });
    expect(inputs.get("text")?.spec).toMatchObject({ file: expect.stringMatching(/[/\\]lib\.dom\.d\.ts$/) });
    expect(grid.inputs["text"]).toMatchObject({
      file: "lib.dom.d.ts",
      contents: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
  });
});
