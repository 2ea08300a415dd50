// Compiles the addon for this machine: the kernels once per instruction set, then everything else, linked into one file.
// Objects are named by the hash of what they are made of, so only what changed is compiled again.
// Without a C compiler it says so in one line and succeeds: the runtime then falls back to WebAssembly.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, findCompiler, kernelsFor, type Compiler } from "./compiler.ts";

const root: string = fileURLToPath(new URL("..", import.meta.url));
const kernels: string = join(root, "..", "kernels", "c");
const objects: string = join(root, "generated", "objects");
const headers: string = (createRequire(import.meta.url)("node-api-headers") as { include_dir: string }).include_dir;

const COMMON: readonly string[] = ["-std=c11", "-O3", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra"];
// Node 20 has version 9; 8 is all that is needed.
const ADDON: readonly string[] = ["-D_GNU_SOURCE", "-DNAPI_VERSION=8", "-pthread"];
const LINK: readonly string[] =
  process.platform === "darwin"
    ? ["-bundle", "-undefined", "dynamic_lookup"]
    : // nodelete: the handler of memory faults outlives the last environment that loaded the addon.
      ["-shared", "-pthread", "-Wl,-z,nodelete", "-Wl,--gc-sections"];

interface Step {
  readonly object: string;
  readonly args: readonly string[];
}

/** Where the loader looks: the package of this platform where there is one, else a folder of this package. */
export function addonFile(): string {
  const platform = `${process.platform}-${process.arch}`;
  const own = join(root, "platforms", platform);
  return join(existsSync(own) ? own : join(root, "local", platform), "saccade.node");
}

/** All `.c` and `.h` files below a folder with their contents, in a fixed order. */
function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.[ch]$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function hash(...parts: readonly string[]): string {
  const all = createHash("sha256");
  for (const part of parts) all.update(part).update("\0");
  return all.digest("hex").slice(0, 16);
}

function contents(files: readonly string[]): string {
  return files.map((file) => readFileSync(file, "utf8")).join("\0");
}

function steps(compiler: Compiler): Step[] {
  const isas = kernelsFor(compiler);
  const kernelSources = contents(sources(kernels));
  const addonSources = contents(sources(join(root, "c")));
  const haves = isas.map(({ isa }) => `-DSACCADE_HAVE_${isa.toUpperCase()}`);
  const step = (file: string, name: string, flags: readonly string[], inputs: string): Step => {
    const object = join(objects, `${name}-${hash(compiler.version, flags.join(" "), inputs)}.o`);
    return { object, args: [...flags, "-c", file, "-o", object] };
  };
  return [
    ...isas.map(({ isa, flags }) => {
      const all = [...COMMON, "-ffp-contract=off", "-fno-math-errno", `-DSACCADE_ISA=${isa}`, ...flags];
      return step(join(kernels, "attend.c"), `attend-${isa}`, all, kernelSources);
    }),
    ...sources(join(root, "c"))
      .filter((file) => file.endsWith(".c"))
      .map((file) => {
        const flags = [...COMMON, ...ADDON, ...haves, `-I${headers}`, `-I${kernels}`];
        return step(file, basename(file, ".c"), flags, addonSources + kernelSources);
      }),
  ];
}

function build(compiler: Compiler): void {
  mkdirSync(objects, { recursive: true });
  const file = addonFile();
  const all = steps(compiler);
  const linked = hash(LINK.join(" "), ...all.map((step) => step.object));
  const stamp = join(root, "generated", "addon.sha256");
  if (existsSync(file) && existsSync(stamp) && readFileSync(stamp, "utf8") === linked) return;
  for (const step of all) if (!existsSync(step.object)) compile(compiler, step.args);
  mkdirSync(dirname(file), { recursive: true });
  // Renamed into place: a process that has the old file loaded keeps it.
  const fresh = `${file}.${process.pid}`;
  compile(compiler, [...LINK, ...all.map((step) => step.object), "-o", fresh]);
  renameSync(fresh, file);
  writeFileSync(stamp, linked);
  const kept = new Set(all.map((step) => basename(step.object)));
  for (const old of readdirSync(objects)) if (!kept.has(old)) rmSync(join(objects, old));
  console.log(`native addon: built ${file.slice(root.length)} with ${compiler.version}`);
}

const compiler = findCompiler();
if (typeof compiler === "string") console.log(`native addon: skipped, ${compiler}; Saccade runs on WebAssembly`);
else {
  try {
    build(compiler);
  } catch (error) {
    console.error(`native addon: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
