import { defineConfig, type UserConfig } from "tsdown";

const config: UserConfig = defineConfig({
  entry: ["src/index.ts", "src/cli.ts"],
  format: "esm",
  platform: "node",
  // The package is ESM already: .js, as its exports say, not .mjs.
  fixedExtension: false,
  target: "node20.19",
  dts: true,
  clean: true,
});

export default config;
