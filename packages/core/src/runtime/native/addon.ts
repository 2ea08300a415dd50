import type { InstructionSet, NativeAddon } from "@saccade/native";
import { nodeModule } from "../parallelism.ts";

/** What `@saccade/native` exports; nothing of it is imported, so that bundlers for browsers never look for it. */
export type NativePackage = typeof import("@saccade/native");

export interface LoadedAddon {
  readonly addon: NativeAddon;
  readonly outcome: NativePackage["OUTCOME"];
  readonly numbers: NativePackage["NUMBERS"];
  readonly rotateNumbers: NativePackage["ROTATE_NUMBERS"];
  readonly recurNumbers: NativePackage["RECUR_NUMBERS"];
  readonly productPlaces: NativePackage["PRODUCT_PLACES"];
}

/** An instruction set that runs here, and why better ones do not. */
export interface Chosen {
  readonly name: string;
  /** Its place in `instructionSets()`. */
  readonly index: number;
  readonly notTaken: readonly string[];
}

/** @throws Error saying why there is no addon here. */
export function loadAddon(): LoadedAddon {
  const module = nodeModule("node:module");
  if (module === undefined) throw new Error("the addon needs Node 20.16 or later");
  let native: NativePackage;
  try {
    native = module.createRequire(import.meta.url)("@saccade/native") as NativePackage;
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND";
    throw missing ? new Error("@saccade/native is not installed") : error;
  }
  return {
    addon: native.loadNative(),
    outcome: native.OUTCOME,
    numbers: native.NUMBERS,
    rotateNumbers: native.ROTATE_NUMBERS,
    recurNumbers: native.RECUR_NUMBERS,
    productPlaces: native.PRODUCT_PLACES,
  };
}

/**
 * The best instruction set that works, or the one that was asked for.
 *
 * @throws Error when that one cannot run here.
 */
export function chooseInstructionSet(known: readonly InstructionSet[], wanted: string | undefined): Chosen {
  if (wanted !== undefined) {
    const index = known.findIndex(({ name }) => name === wanted);
    const missing =
      index < 0 ? `unknown, expected one of ${known.map(({ name }) => name).join(", ")}` : known[index]!.missing;
    if (missing !== undefined) throw new Error(`instruction set ${wanted}: ${missing}`);
    const better = known.slice(0, index).map(({ name, missing: reason }) => `${name}: ${reason ?? "not asked for"}`);
    return { name: wanted, index, notTaken: better };
  }
  const index = known.findIndex(({ missing }) => missing === undefined);
  if (index < 0) throw new Error("no instruction set of the addon runs here");
  return {
    name: known[index]!.name,
    index,
    notTaken: known.slice(0, index).map(({ name, missing }) => `${name}: ${missing}`),
  };
}
