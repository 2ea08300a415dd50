import { defineConfig, type UserConfig } from "tsdown";

const config: UserConfig = defineConfig({
  // The process of a cell is started from its file, so that file keeps its name beside the command's.
  entry: { index: "src/index.ts", cli: "src/cli.ts", child: "src/cells/child.ts" },
  format: "esm",
  platform: "node",
  // .js, as the exports say, not .mjs: the package is ESM already.
  fixedExtension: false,
  target: "node20.19",
  dts: true,
  clean: true,
});

export default config;
