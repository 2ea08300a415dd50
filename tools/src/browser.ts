/**
 * Dense attention in real browsers. A page posts what it found to a server here, so that any browser which opens an
 * address will do, without a driver. The same files are served twice: with the headers that isolate a page and so give
 * it shared memory, and without. The page that a study writes is looked at in Chromium too.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { build } from "vite";
import type { PageResult } from "./browser-page.ts";
import { Checks } from "./checks.ts";
import { checkPage, writeWatchedPage } from "./report-page.ts";
import { root } from "./workspace.ts";

const checks = new Checks();
const work = mkdtempSync(join(tmpdir(), "saccade-browser-"));
const site = join(work, "site");
const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

interface Browser {
  readonly name: string;
  readonly programs: readonly string[];
  readonly required: boolean;
  readonly prepare?: (profile: string) => void;
  readonly args: (profile: string) => readonly string[];
}

const browsers: readonly Browser[] = [
  {
    name: "Chromium",
    programs: ["chromium", "google-chrome", "chromium-browser"],
    required: true,
    args: (profile) => [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--disable-dev-shm-usage",
      `--user-data-dir=${profile}`,
    ],
  },
  {
    name: "Firefox",
    programs: ["firefox-esr", "firefox"],
    required: false,
    prepare: (profile) => {
      const off = [
        "app.update.enabled",
        "browser.aboutwelcome.enabled",
        "browser.shell.checkDefaultBrowser",
        "datareporting.policy.dataSubmissionEnabled",
        "network.captive-portal-service.enabled",
        "network.connectivity-service.enabled",
        "toolkit.telemetry.enabled",
      ];
      writeFileSync(join(profile, "user.js"), off.map((name) => `user_pref("${name}", false);\n`).join(""));
    },
    args: (profile) => ["--headless", "--no-remote", "--profile", profile],
  },
];

function findProgram(names: readonly string[]): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

async function buildSite(): Promise<void> {
  await build({
    root: join(root, "tools"),
    configFile: false,
    logLevel: "error",
    base: "./",
    worker: { format: "es" },
    build: {
      outDir: site,
      target: "es2023",
      rolldownOptions: {
        input: join(root, "tools", "src", "browser-page.ts"),
        output: { entryFileNames: "page.js" },
      },
    },
  });
  writeFileSync(join(site, "index.html"), `<!doctype html><script type="module" src="./page.js"></script>\n`);
}

let deliver: (result: PageResult) => void = () => {};
const server = createServer((request, response) => {
  const [, kind = "", ...path] = new URL(request.url ?? "/", "http://localhost").pathname.split("/");
  const name = path.join("/");
  if (request.method === "POST" && name === "result") {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      response.end();
      deliver(JSON.parse(body) as PageResult);
    });
    return;
  }
  const file = join(site, name === "" ? "index.html" : name);
  if (name.includes("..") || !existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  const type = file.endsWith(".html") ? "text/html" : file.endsWith(".wasm") ? "application/wasm" : "text/javascript";
  response.writeHead(200, { "Content-Type": type, ...(kind === "isolated" ? isolation : {}) });
  response.end(readFileSync(file));
});

async function visit(browser: Browser, program: string, address: string): Promise<PageResult> {
  const profile = mkdtempSync(join(work, "profile-"));
  browser.prepare?.(profile);
  // A home of its own: no file of the user's is read or written.
  const child = spawn(program, [...browser.args(profile), address], {
    env: { ...process.env, HOME: profile },
    stdio: "ignore",
  });
  try {
    return await new Promise<PageResult>((resolve, reject) => {
      deliver = resolve;
      child.on("error", reject);
      child.on("exit", (code) => reject(new Error(`${program} ended with ${code} before the page reported`)));
      setTimeout(() => reject(new Error(`${program}: no result within 120 s`)), 120_000).unref();
    });
  } finally {
    child.removeAllListeners("exit");
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill();
    await ended;
  }
}

function judge({ error, isolated, runs }: PageResult, expected: { isolated: boolean; threads: boolean }): string {
  if (error !== undefined) throw new Error(error);
  if (isolated !== expected.isolated) throw new Error(`crossOriginIsolated is ${isolated}`);
  if (!runs || runs.length === 0) throw new Error("the page ran nothing");
  for (const one of runs) {
    if (one.runtime !== "wasm") throw new Error(`ran on ${one.runtime}`);
    if (!(one.maxError < 1e-5)) throw new Error(`off by ${one.maxError} with ${one.threads} threads`);
    if (!one.sameBits) throw new Error(`other bits with ${one.threads} threads`);
    const threads = expected.threads ? one.asked : 1;
    if (one.threads !== threads)
      throw new Error(
        `asked for ${one.asked} threads, ran on ${one.threads}: ${one.notTaken.join("; ") || "no reason given"}`,
      );
  }
  const last = runs.at(-1)!;
  return `${last.instructionSet}, ${last.threads} thread${last.threads === 1 ? "" : "s"}, max error ${last.maxError.toExponential(1)}`;
}

/** The page of a study, on a wide screen and on a narrow one. */
async function checkReport(): Promise<void> {
  const [browser] = browsers;
  const program = browser && findProgram(browser.programs);
  let page = "";
  await checks.check("a study's report is written", async () => {
    page = await writeWatchedPage(join(work, "report"));
  });
  for (const width of [1200, 500]) {
    await checks.check(`Chromium shows the report, ${width} pixels wide`, async () => {
      if (browser === undefined || program === undefined) throw new Error("no Chromium is installed");
      const profile = mkdtempSync(join(work, "profile-"));
      return checkPage(program, browser.args(profile), profile, page, width);
    });
  }
}

await checks
  .run(async () => {
    await checks.require("bundle the page", buildSite);
    await checkReport();
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("browser: the server has no port");
    for (const browser of browsers) {
      const program = findProgram(browser.programs);
      for (const isolated of [true, false]) {
        const name = `${browser.name}, ${isolated ? "cross-origin isolated, threads" : "not isolated, one thread"}`;
        if (program === undefined && !browser.required) {
          checks.skip(name, "not installed");
          continue;
        }
        await checks.check(name, async () => {
          if (program === undefined) throw new Error(`none of ${browser.programs.join(", ")} is installed`);
          const page = `http://127.0.0.1:${address.port}/${isolated ? "isolated" : "plain"}/`;
          const threads = isolated && availableParallelism() > 1;
          return judge(await visit(browser, program, page), { isolated, threads });
        });
      }
    }
  })
  .finally(() => {
    server.close();
    server.closeAllConnections();
    rmSync(work, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });
