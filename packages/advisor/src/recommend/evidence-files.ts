import { nodeModule } from "../cost/this-machine.ts";
import { readEvidence, type EvidenceCell } from "./evidence.ts";

/** Where the package has its evidence, from a source and from a build. */
const PLACES = ["../evidence/", "../../evidence/"] as const;

/** The cells of the study that comes with the package; none where there are no files, as in browsers. */
export function packagedEvidence(): readonly EvidenceCell[] {
  const [fs, url] = [nodeModule("node:fs"), nodeModule("node:url")];
  if (fs === undefined || url === undefined) return [];
  for (const place of PLACES) {
    const folder = url.fileURLToPath(new URL(place, import.meta.url));
    if (!fs.existsSync(folder)) continue;
    const files = fs.readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
    return files.flatMap((name) => readEvidence(fs.readFileSync(`${folder}${name}`, "utf8"), `evidence/${name}`));
  }
  return [];
}
