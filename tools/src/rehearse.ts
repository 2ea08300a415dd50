/**
 * Publishes everything to a registry on this machine and uses it from there as a stranger would. All of it happens in
 * a copy of the repository, so that versions and changelogs of the checkout stay as they are.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Checks } from "./checks.ts";
import { denseAttention } from "./consumer.ts";
import { examplesOf } from "./examples.ts";
import { whyNotPackable } from "./packing.ts";
import { run } from "./processes.ts";
import { publicPackages, root } from "./workspace.ts";

const registryPackage = {
  private: true,
  dependencies: { verdaccio: "6.10.4" },
  // A dependency asks for node-fetch by a tag, which mirrors of the registry need not carry.
  overrides: { "node-fetch": "2.7.0" },
};
const nodes = ["20", "24", "26"];
/** What a user installs; everything else comes with it. */
const libraries = [
  "@saccade/core",
  "@saccade/positions",
  "@saccade/sliding-window",
  "@saccade/chunked",
  "@saccade/block-sparse",
  "@saccade/linear",
  "@saccade/advisor",
  "@saccade/nn",
];

const checks = new Checks();
const work = mkdtempSync(join(tmpdir(), "saccade-rehearsal-"));
const copy = join(work, "repository");
const git = (...args: string[]): Promise<string> => run("git", args, { cwd: copy });

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("rehearse: no free port");
  return address.port;
}

async function copyRepository(): Promise<void> {
  const listed = await run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root });
  const built = publicPackages().flatMap(({ directory, manifest }) =>
    [join(directory, "dist"), manifest.main?.endsWith(".node") ? join(directory, manifest.main) : ""].filter(Boolean),
  );
  const files = listed
    .split("\0")
    .filter(Boolean)
    .map((path) => join(root, path));
  for (const from of [...files, ...built])
    if (existsSync(from)) cpSync(from, join(copy, from.slice(root.length)), { recursive: true });
  await git("init", "-q", "-b", "main");
  await git("config", "user.name", "Rehearsal");
  await git("config", "user.email", "rehearsal@localhost");
  await git("add", "--all");
  await git("commit", "-q", "-m", "State to publish");
}

async function startRegistry(port: number): Promise<ChildProcess> {
  const uplink = (await run("npm", ["config", "get", "registry"], { cwd: root })).trim();
  const home = join(work, "registry");
  mkdirSync(home, { recursive: true });
  // Our own packages have no uplink: what is installed is what was just published.
  writeFileSync(
    join(home, "config.yaml"),
    `storage: ./storage
listen: 127.0.0.1:${port}
auth: { htpasswd: { file: ./htpasswd } }
uplinks: { up: { url: ${JSON.stringify(uplink)}, timeout: 60s, maxage: 30m } }
packages:
  "@saccade/*": { access: $all, publish: $all, unpublish: $all }
  "**": { access: $all, proxy: up }
log: { type: stdout, format: pretty, level: warn }
`,
  );
  writeFileSync(join(home, "package.json"), JSON.stringify(registryPackage));
  await run("npm", ["install", "--no-audit", "--no-fund", "--omit=optional"], { cwd: home });
  const child = spawn(process.execPath, [join(home, "node_modules/verdaccio/bin/verdaccio"), "-c", "config.yaml"], {
    cwd: home,
    stdio: "ignore",
  });
  for (let tries = 0; tries < 120; tries++) {
    if (child.exitCode !== null) throw new Error(`rehearse: the registry ended with ${child.exitCode}`);
    const answer = await fetch(`http://127.0.0.1:${port}/-/ping`).catch(() => undefined);
    if (answer?.ok) return child;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  child.kill();
  throw new Error("rehearse: the registry did not answer within 30 s");
}

/** Versions as a release does it. A change of our own makes sure that there is always something to release. */
async function version(): Promise<string> {
  const names = publicPackages(copy).map(({ manifest }) => manifest.name);
  const changes = names.map((name) => `"${name}": patch`).join("\n");
  writeFileSync(join(copy, ".changeset", "rehearsal.md"), `---\n${changes}\n---\n\nA rehearsal of publishing.\n`);
  await git("add", "--all");
  await git("commit", "-q", "-m", "Add a changeset");
  await run("changeset", ["status"], { cwd: copy });
  await run("changeset", ["version"], { cwd: copy });
  await git("commit", "-q", "--all", "-m", "Version packages");
  const released = publicPackages(copy).map(({ manifest }) => `${manifest.name} ${manifest.version}`);
  const still = released.filter((one) => one.endsWith(" 0.0.0"));
  if (still.length > 0) throw new Error(`rehearse: not versioned: ${still.join(", ")}`);
  return released.join(", ");
}

/** A folder whose bin holds this Node, from npm. */
async function nodeOf(major: string): Promise<string> {
  const home = join(work, `node-${major}`);
  mkdirSync(home, { recursive: true });
  await run("npm", ["install", "--prefix", home, "--no-audit", "--no-fund", `node@${major}`], { cwd: home });
  const bin = join(home, "node_modules", "node", "bin");
  const found = (await run(join(bin, "node"), ["--version"], { cwd: home })).trim();
  if (!found.startsWith(`v${major}.`)) throw new Error(`rehearse: asked for Node ${major}, got ${found}`);
  return bin;
}

let registry: ChildProcess | undefined;
await checks
  .run(async () => {
    const port = await freePort();
    const address = `http://127.0.0.1:${port}/`;
    const npmrc = join(work, "npmrc");
    writeFileSync(npmrc, `registry=${address}\n//127.0.0.1:${port}/:_authToken=rehearsal\n`);
    const environment: NodeJS.ProcessEnv = {
      ...process.env,
      NPM_CONFIG_USERCONFIG: npmrc,
      npm_config_userconfig: npmrc,
      npm_config_registry: address,
      pnpm_config_registry: address,
      npm_config_cache: join(work, "npm-cache"),
      // The registry is on this machine: what fails once fails for good.
      npm_config_fetch_retries: "0",
    };

    await checks.require("copy the repository", copyRepository);
    await checks.require("install in the copy", async () => {
      await run("pnpm", ["install", "--frozen-lockfile", "--prefer-offline", "--ignore-scripts"], { cwd: copy });
    });
    await checks.require("changeset version", version);
    await checks.require("start a local registry", async () => {
      registry = await startRegistry(port);
    });
    await checks.require("changeset publish", async () => {
      writeFileSync(join(copy, ".npmrc"), readFileSync(npmrc));
      // New versions of the packages must be what the workspace links to when their ranges are written out.
      await run("pnpm", ["install", "--no-frozen-lockfile", "--prefer-offline", "--ignore-scripts"], {
        cwd: copy,
      });
      await run("changeset", ["publish", "--no-git-tag"], { cwd: copy, env: environment });
      for (const { manifest } of publicPackages(copy)) {
        const answer = await fetch(`${address}${manifest.name.replace("/", "%2f")}`);
        const published = answer.ok ? ((await answer.json()) as { versions: Record<string, unknown> }) : undefined;
        if (!published?.versions[manifest.version])
          throw new Error(`rehearse: ${manifest.name} ${manifest.version} is not in the registry`);
      }
    });

    const addon = publicPackages().some((one) => one.manifest.main?.endsWith(".node") && !whyNotPackable(one));
    for (const major of nodes) {
      let bin = "";
      await checks.require(`Node ${major}`, async () => {
        bin = await nodeOf(major);
      });
      const env = { ...environment, PATH: `${bin}${delimiter}${process.env["PATH"]}` };
      for (const optional of [true, false]) {
        const name = `Node ${major}${optional ? "" : ", --omit=optional"}`;
        const folder = join(work, `user-${major}-${optional}`);
        mkdirSync(folder);
        const program = async (file: string, code: string): Promise<string> => {
          writeFileSync(join(folder, file), code);
          return (await run(join(bin, "node"), [file], { cwd: folder, env, timeout: 120_000 })).trim();
        };
        const installed = await checks.check(`${name}: npm install ${libraries.join(" ")}`, async () => {
          writeFileSync(join(folder, "package.json"), "{}\n");
          const omit = optional ? [] : ["--omit=optional"];
          await run("npm", ["install", "--no-audit", "--no-fund", ...omit, ...libraries], { cwd: folder, env });
          const lock = JSON.parse(readFileSync(join(folder, "node_modules", ".package-lock.json"), "utf8")) as {
            packages: Record<string, unknown>;
          };
          const names = Object.keys(lock.packages).map((path) => path.replace("node_modules/", ""));
          const foreign = names.filter((one) => !one.startsWith("@saccade/"));
          if (foreign.length > 0) throw new Error(`also installed: ${foreign.join(", ")}`);
          return names.join(", ");
        });
        if (!installed) continue;
        for (const library of libraries)
          await checks.check(`${name}: the examples of ${library} run`, async () => {
            const readme = readFileSync(join(folder, "node_modules", library, "README.md"), "utf8");
            const examples = examplesOf(readme);
            if (examples.length === 0) throw new Error("the README shows no example");
            // Node 20 does not parse `await using`; its users compile such code down.
            const runnable = examples.filter((code) => major !== "20" || !/\busing\b/.test(code));
            for (const [index, code] of runnable.entries())
              await program(
                `example-${library.slice("@saccade/".length)}-${index + 1}.mjs`,
                stripTypeScriptTypes(code),
              );
            return `${runnable.length} of ${examples.length} examples`;
          });
        const expected = optional && addon ? "native" : "wasm";
        await checks.check(`${name}: dense attention runs on ${expected}`, async () => {
          const { runtime } = JSON.parse(await program("dense.mjs", denseAttention)) as { runtime: string };
          if (runtime !== expected) throw new Error(`it ran on ${runtime}`);
        });
      }
    }
  })
  .finally(() => {
    registry?.kill();
    rmSync(work, { recursive: true, force: true });
  });
