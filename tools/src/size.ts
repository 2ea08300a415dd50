import { gzipSync } from "node:zlib";
import { join } from "node:path";
import { build, type Rollup } from "vite";
import { Checks } from "./checks.ts";
import { root } from "./workspace.ts";

const checks = new Checks();
const kB = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB gzipped`;

/** What a bundler for browsers makes of this code: every file that it emits, minified, each compressed on its own. */
async function bundledSize(code: string): Promise<number> {
  const entry = "\0saccade-entry";
  const output = (await build({
    root: join(root, "tools"),
    configFile: false,
    logLevel: "error",
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === "entry" ? entry : undefined),
        load: (id) => (id === entry ? code : undefined),
      },
    ],
    build: {
      write: false,
      minify: true,
      target: "es2023",
      modulePreload: false,
      rolldownOptions: { input: "entry", external: [/^node:/, "@saccade/native"], preserveEntrySignatures: "strict" },
    },
  })) as Rollup.RolldownOutput | Rollup.RolldownOutput[];
  const outputs = Array.isArray(output) ? output : [output];
  return outputs
    .flatMap((one) => one.output)
    .map((file) => gzipSync(file.type === "chunk" ? file.code : file.source, { level: 9 }).byteLength)
    .reduce((sum, bytes) => sum + bytes, 0);
}

async function atMost(limit: number, code: string): Promise<string> {
  const bytes = await bundledSize(code);
  if (bytes > limit) throw new Error(`${kB(bytes)}, more than ${kB(limit)}`);
  return kB(bytes);
}

await checks.run(async () => {
  await checks.check("core with its kernels <= 150 kB", () => atMost(150_000, `export * from "@saccade/core";`));
  await checks.check("tensor alone leaves the kernels out", () =>
    atMost(15_000, `export { tensor } from "@saccade/core";`),
  );
  await checks.check("tables of positions leave the kernels out", () =>
    atMost(5_000, `export { alibi, sinusoidal, t5Buckets } from "@saccade/positions";`),
  );
  await checks.check("an unused import costs nothing", () => atMost(200, `import "@saccade/core";`));
});
