import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { Checks } from "./checks.ts";
import { denseAttention, importOf } from "./consumer.ts";
import { packAll, whyNotPackable, type Packed } from "./packing.ts";
import { run } from "./processes.ts";
import { publicPackages, root } from "./workspace.ts";

const work = mkdtempSync(join(tmpdir(), "saccade-packages-"));
const checks = new Checks();

async function lint({ tarball }: Packed): Promise<void> {
  const bytes = readFileSync(tarball);
  const { messages, pkg } = await publint({
    strict: true,
    pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
  });
  if (messages.length > 0) throw new Error(messages.map((message) => formatMessage(message, pkg)).join("\n"));
}

await checks
  .run(async () => {
    for (const member of publicPackages()) {
      const reason = whyNotPackable(member);
      if (reason) checks.skip(`pack ${member.manifest.name}`, reason);
    }
    let packed: Packed[] = [];
    await checks.require("pack", async () => {
      packed = await packAll(join(work, "tarballs"));
      return packed.map(({ manifest }) => manifest.name).join(", ");
    });
    for (const one of packed) {
      await checks.check(`publint ${one.manifest.name}`, () => lint(one));
      // A platform package is a binary without types.
      if (one.manifest.exports)
        await checks.check(`attw ${one.manifest.name}`, async () => {
          // It knows no WebAssembly; that these files are there is publint's business.
          const binary = Object.keys(one.manifest.exports ?? {}).filter((entry) => entry.endsWith(".wasm"));
          const exclude = binary.length > 0 ? ["--exclude-entrypoints", ...binary.map((entry) => entry.slice(2))] : [];
          const options = ["--profile", "esm-only", "--no-emoji", "--format", "ascii", ...exclude];
          await run("attw", [one.tarball, ...options], { cwd: join(root, "tools") });
        });
    }

    const consumer = join(work, "consumer");
    await checks.require("install the tarballs with npm outside the workspace", async () => {
      const tarballs = packed.map(({ tarball }) => tarball);
      await run("npm", ["install", "--prefix", consumer, "--no-audit", "--no-fund", ...tarballs], { cwd: work });
    });
    const program = async (name: string, code: string): Promise<string> => {
      const file = join(consumer, `${name}.mjs`);
      writeFileSync(file, code);
      return (await run(process.execPath, [file], { cwd: consumer, timeout: 120_000 })).trim();
    };
    for (const { manifest } of packed)
      if (manifest.exports)
        await checks.check(`import ${manifest.name}`, async () => {
          await program(manifest.name.replaceAll(/\W/g, "-"), importOf(manifest.name));
        });
    await checks.check("dense attention from the installed packages", () => program("dense", denseAttention));
  })
  .finally(() => rmSync(work, { recursive: true, force: true }));
