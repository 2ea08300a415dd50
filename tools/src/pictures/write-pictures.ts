/** Draws the pictures of docs/block-sparse anew. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../workspace.ts";
import { PICTURES } from "./pictures.ts";

for (const { file, draw } of PICTURES) writeFileSync(join(root, "docs/block-sparse", file), draw());
console.log(`${PICTURES.length} pictures in docs/block-sparse`);
