// A fresh process: how long the import takes, then the first call in WebAssembly on a small input.
const start = performance.now();
const { dense, tensor } = await import("@saccade/core");
const imported = performance.now();
const operand = tensor(new Float32Array(8 * 64 * 64).fill(0.5), { shape: [1, 8, 64, 64] });
await dense({ causal: true }).forward({ q: operand, k: operand, v: operand }, { runtime: "wasm" });
const done = performance.now();
process.stdout.write(JSON.stringify({ importMs: imported - start, callMs: done - imported }));
// Workers of the runtime would keep the process for a moment.
process.exit(0);
