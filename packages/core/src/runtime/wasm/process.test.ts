import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** Runs a script that imports core's sources, in a process of its own. */
async function run(script: string): Promise<{ code: number | null; output: string }> {
  const args = ["--conditions=@saccade/source", "--input-type=module", "--eval", script];
  const child = spawn(process.execPath, args, { cwd: fileURLToPath(new URL("../../..", import.meta.url)) });
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (output += bytes.toString()));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, output };
}

const CALL = `
  const begin = performance.now();
  const { dense, openRuntime, tensor } = await import("./src/index.ts");
  const imported = performance.now();
  const inputs = (n) => {
    const view = () => tensor(Float32Array.from({ length: n * 64 }, (_, i) => Math.sin(i)), { shape: [1, 1, n, 64] });
    return { q: view(), k: view(), v: view() };
  };
`;

test("a process with idle workers ends by itself, with the exit code of success", async () => {
  const script = `${CALL}
    const runtime = await openRuntime("wasm", { threads: 2 });
    const { threads } = await dense().forward(inputs(2048), { runtime });
    console.log("threads", threads);
  `;
  expect(await run(script)).toEqual({ code: 0, output: "threads 2\n" });
});

test("a process whose only work is a call on workers lives until it is done", async () => {
  const script = `${CALL}
    void openRuntime("wasm", { threads: 2 }).then(async (runtime) => {
      for (let i = 0; i < 3; i++) await dense().forward(inputs(3000), { runtime });
      console.log("done");
    });
  `;
  expect(await run(script)).toEqual({ code: 0, output: "done\n" });
});

test("process.exit during a call ends the process", async () => {
  const script = `${CALL}
    const runtime = await openRuntime("wasm", { threads: 2 });
    await dense().forward(inputs(2048), { runtime });
    void dense().forward(inputs(20000), { runtime });
    setTimeout(() => process.exit(3), 20);
  `;
  expect(await run(script)).toEqual({ code: 3, output: "" });
});

test("the first call after the import takes milliseconds (printed, not asserted)", async () => {
  const script = `${CALL}
    const result = await dense().forward(inputs(64), { runtime: "wasm" });
    console.log(\`import \${(imported - begin).toFixed(0)} ms, first call \${(performance.now() - imported).toFixed(0)} ms\`);
  `;
  const { code, output } = await run(script);
  console.log(`wasm: ${output.trim()}`);
  expect(code).toBe(0);
});
