import manifest from "../../package.json" with { type: "json" };
import type { Calibration } from "./calibration.ts";
import { nodeModule, type Machine } from "./this-machine.ts";

/** A file, true for one in the user's cache folder, false for none. */
export type CalibrationPlace = string | boolean;

/** What must be equal for a calibration to be used again. */
export interface CalibrationKey extends Machine {
  readonly runtime: string;
  readonly instructionSet: string;
  readonly threads: number;
}

/** A place where a calibration may lie. Nothing that goes wrong with it is an error: then it is measured. */
export function keptCalibration(
  place: CalibrationPlace,
  key: CalibrationKey,
): { read(): Calibration | undefined; write(made: Calibration): void } {
  const fs = nodeModule("node:fs");
  const path = nodeModule("node:path");
  const file = place === true ? defaultFile(key) : place === false ? undefined : place;
  if (fs === undefined || path === undefined || file === undefined) return { read: () => undefined, write: () => {} };
  const name = keyText(key);
  return {
    read() {
      try {
        const kept = JSON.parse(fs.readFileSync(file, "utf8")) as { key?: string; calibration?: Calibration };
        return kept.key === name && kept.calibration?.version === 1 ? kept.calibration : undefined;
      } catch {
        return undefined;
      }
    },
    write(calibration) {
      try {
        fs.mkdirSync(path.dirname(file), { recursive: true });
        // Under its name only when it is whole.
        const whole = `${file}.${process.pid}`;
        fs.writeFileSync(whole, JSON.stringify({ key: name, calibration }));
        fs.renameSync(whole, file);
      } catch {
        // A folder that cannot be written to costs two seconds a run.
      }
    },
  };
}

function keyText({ cpu, cores, runtime, instructionSet, threads }: CalibrationKey): string {
  return [manifest.version, cpu, cores, runtime, instructionSet, threads, process.version].join(" | ");
}

/** In the folder that the system has for what can be made again. */
function defaultFile(key: CalibrationKey): string | undefined {
  const [os, path, crypto] = [nodeModule("node:os"), nodeModule("node:path"), nodeModule("node:crypto")];
  if (os === undefined || path === undefined || crypto === undefined) return undefined;
  const { env, platform } = process;
  const home = os.homedir();
  const folder =
    platform === "darwin"
      ? path.join(home, "Library", "Caches")
      : platform === "win32"
        ? (env["LOCALAPPDATA"] ?? path.join(home, "AppData", "Local"))
        : env["XDG_CACHE_HOME"] || path.join(home, ".cache");
  const name = crypto.createHash("sha256").update(keyText(key)).digest("hex").slice(0, 16);
  return path.join(folder, "saccade", `calibration-${name}.json`);
}
