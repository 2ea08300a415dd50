import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// Packages resolve to each other's sources. Conditions set at the root do not reach projects.
const conditions: string[] = ["@saccade/source", "module", "import", "default"];

const project = (name: string, root: string) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    name,
    root,
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    // Worker threads and child processes that a test starts run on plain Node, which needs the condition too.
    execArgv: ["--conditions=@saccade/source"],
    testTimeout: process.env["SACCADE_EXHAUSTIVE"] ? 1_800_000 : 60_000,
  },
});

export default defineConfig({
  test: {
    projects: [
      project("kernels", "packages/kernels"),
      project("native", "packages/native"),
      project("core", "packages/core"),
      project("positions", "packages/positions"),
      project("sliding-window", "packages/sliding-window"),
      project("chunked", "packages/chunked"),
      project("block-sparse", "packages/block-sparse"),
      project("linear", "packages/linear"),
      project("advisor", "packages/advisor"),
      project("nn", "packages/nn"),
      project("study", "apps/study"),
      project("benchmarks", "benchmarks"),
      project("tools", "tools"),
    ],
    pool: "forks",
    maxWorkers: availableParallelism(),
    reporters: ["default", "./tools/src/summary-reporter.ts"],
  },
});
