import { globSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root: string = fileURLToPath(new URL("../../", import.meta.url)).replace(/[\\/]$/, "");

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly main?: string;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}

export interface Member {
  readonly directory: string;
  readonly manifest: Manifest;
}

const patterns = ["packages/*/package.json", "packages/native/platforms/*/package.json", "apps/*/package.json"];

/** Every package of the workspace that is published, in the order of their folders. */
export function publicPackages(from: string = root): Member[] {
  return globSync(patterns, { cwd: from })
    .sort()
    .map((path) => ({
      directory: join(from, path, ".."),
      manifest: JSON.parse(readFileSync(join(from, path), "utf8")) as Manifest,
    }))
    .filter(({ manifest }) => manifest.private !== true);
}

/** Platform packages hold a binary for one system: elsewhere they can be neither built nor installed. */
export function fitsThisMachine({ manifest }: Member): boolean {
  return (manifest.os?.includes(process.platform) ?? true) && (manifest.cpu?.includes(process.arch) ?? true);
}

export function shortPath(path: string): string {
  return relative(root, path).replaceAll("\\", "/");
}
