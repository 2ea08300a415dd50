/**
 * Finds and loads the native addon of Saccade for this platform.
 *
 * @module
 */
import { createRequire } from "node:module";
import type { NativeAddon } from "./addon.ts";

export {
  NUMBERS,
  OUTCOME,
  PRODUCT_PLACES,
  RECUR_NUMBERS,
  ROTATE_NUMBERS,
  type CallArguments,
  type InstructionSet,
  type NativeAddon,
  type ProductArguments,
  type RecurArguments,
  type RotateArguments,
  type StoredArray,
} from "./addon.ts";

const require = createRequire(import.meta.url);

/** Platforms with a package of their own. The names stand literally here, so that tools that trace files find them. */
const PACKAGES: Readonly<Record<string, () => unknown>> = {
  "linux-x64": () => require("@saccade/native-linux-x64"),
};

let loaded: NativeAddon | undefined;

/**
 * The addon: from the package of this platform, else as built in this folder by `pnpm run addon`.
 *
 * @throws Error naming everything that was tried.
 */
export function loadNative(): NativeAddon {
  if (loaded !== undefined) return loaded;
  const platform = `${process.platform}-${process.arch}`;
  const errors: string[] = [];
  const attempts: [name: string, load: (() => unknown) | undefined][] = [
    [`@saccade/native-${platform}`, PACKAGES[platform]],
    [`local/${platform}/saccade.node`, () => require(`../local/${platform}/saccade.node`)],
  ];
  for (const [name, load] of attempts) {
    try {
      if (load === undefined) throw new Error("no such package is published");
      loaded = load() as NativeAddon;
      return loaded;
    } catch (error) {
      errors.push(`${name}: ${firstLine(error)}`);
    }
  }
  throw new Error(`no native addon for ${platform} (${errors.join("; ")})`);
}

function firstLine(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "MODULE_NOT_FOUND") return "not installed or not built";
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0]!;
}
