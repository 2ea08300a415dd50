import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "./processes.ts";
import { fitsThisMachine, publicPackages, type Member } from "./workspace.ts";

export interface Packed extends Member {
  readonly tarball: string;
}

/** Why a package cannot be packed on this machine, if it cannot. */
export function whyNotPackable(member: Member): string | undefined {
  if (!fitsThisMachine(member)) return `is for ${member.manifest.os?.join()} on ${member.manifest.cpu?.join()}`;
  const { main } = member.manifest;
  // The addon is built only where a C compiler is; its platform package is empty elsewhere.
  if (main?.endsWith(".node") && !existsSync(join(member.directory, main))) return "the addon was not built here";
  return undefined;
}

/** Packs as pnpm publishes: workspace and catalog versions written out, publishConfig applied. */
export async function packAll(into: string): Promise<Packed[]> {
  mkdirSync(into, { recursive: true });
  const packed: Packed[] = [];
  for (const member of publicPackages()) {
    if (whyNotPackable(member)) continue;
    const { name, version } = member.manifest;
    await run("pnpm", ["pack", "--pack-destination", into], { cwd: member.directory });
    packed.push({ ...member, tarball: join(into, `${name.slice(1).replace("/", "-")}-${version}.tgz`) });
  }
  return packed;
}
