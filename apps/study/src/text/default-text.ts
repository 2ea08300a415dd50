import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * The long text that is always there: the browser interfaces in TypeScript's declaration files, more than 2 MB.
 * TypeScript 7 keeps them in a package per platform, earlier versions in `typescript` itself.
 */
export function defaultText(): string {
  const typescript = createRequire(import.meta.url).resolve("typescript/package.json");
  const fromTypescript = createRequire(pathToFileURL(typescript));
  const folders = [dirname(typescript)];
  try {
    folders.push(
      dirname(fromTypescript.resolve(`@typescript/typescript-${process.platform}-${process.arch}/package.json`)),
    );
  } catch {
    // Before version 7 there is no such package.
  }
  for (const folder of folders) {
    const file = join(folder, "lib", "lib.dom.d.ts");
    if (existsSync(file)) return file;
  }
  throw new Error(`text: found no lib/lib.dom.d.ts in ${folders.join(" or ")}; name another text with --text FILE`);
}
