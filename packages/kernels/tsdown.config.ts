import { defineConfig, type UserConfig } from "tsdown";

const config: UserConfig = defineConfig({
  entry: ["src/index.ts", "src/sync.ts"],
  format: "esm",
  platform: "neutral",
  target: "es2023",
  dts: true,
  clean: true,
  copy: ["simd128", "relaxed-simd", "simd128-shared", "relaxed-simd-shared"].map(
    (name) => `src/generated/${name}.wasm`,
  ),
});

export default config;
