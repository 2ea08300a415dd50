import { loadNative, type NativeAddon } from "../src/index.ts";

function tryLoad(): NativeAddon | string {
  try {
    return loadNative();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const loaded = tryLoad();
if (typeof loaded === "string") console.warn(`tests of the native addon are skipped: ${loaded}`);

/** Whether there is an addon to test; without one its tests are skipped. */
export const built: boolean = typeof loaded !== "string";
export const addon: NativeAddon = loaded as NativeAddon;
/** Instruction sets that run here, as indices, best first. */
export const isas: readonly number[] = built
  ? addon.instructionSets().flatMap(({ missing }, index) => (missing === undefined ? [index] : []))
  : [];
/** An index for calls that do not care. */
export const best: number = isas[0] ?? 0;

/** `attend` as a promise of its outcome. */
export function attend(call: Parameters<NativeAddon["attendSync"]>, started?: (id: number) => void): Promise<number> {
  return new Promise((resolve) => {
    const id = addon.attend(...call, resolve);
    started?.(id);
  });
}
