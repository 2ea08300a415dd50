// Prints the bytes of resident memory that a causal call of the given length needs beyond its arrays.
import { attend, best } from "../built.ts";
import { denseCall } from "../dense-call.ts";

const peak = (): number => process.resourceUsage().maxRSS * 1024;
const warm = denseCall({ H: 2, N: 300, D: 64, isa: best, causal: true });
await attend(warm);
const call = denseCall({ H: 8, N: Number(process.argv[2]), D: 64, isa: best, causal: true });
const before = peak();
const outcome = await attend(call);
console.log(JSON.stringify({ outcome, extra: peak() - before }));
