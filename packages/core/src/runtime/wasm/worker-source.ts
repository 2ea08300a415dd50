/**
 * The script of a worker thread, for Node and for browsers. By default it runs from memory; where a content security policy
 * forbids that, serve this text as a file and pass `workerFactory: () => new Worker("/saccade-worker.js")`.
 *
 * It is handed the compiled module, the shared memory and a stack of its own, and then waits inside WebAssembly. It never
 * returns to its event loop: it ends when it is terminated.
 */
export const workerSource: string = `"use strict";
{
  const node = globalThis.process?.versions?.node ? process.getBuiltinModule?.("node:worker_threads") : undefined;
  const port = node?.parentPort ?? globalThis;
  const start = ({ module, memory, control, thread, stack, seen, messages }) => {
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    exports.__stack_pointer.value = stack;
    port.postMessage("ready");
    for (;;) {
      seen = exports.serve(control, thread, seen);
      if (messages) port.postMessage("done");
    }
  };
  if (node?.parentPort) node.parentPort.once("message", start);
  else globalThis.onmessage = (event) => start(event.data);
}
`;
