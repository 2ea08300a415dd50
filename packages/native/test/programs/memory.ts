// Prints the bytes of resident memory that a causal call of the given length needs beyond its arrays.
import { attend, best } from "../built.ts";
import { denseCall } from "../dense-call.ts";

const call = denseCall({ H: 8, N: Number(process.argv[2]), D: 64, isa: best, causal: true });
// The highest point of the process against what is resident now: an upper bound.
const before = process.memoryUsage.rss();
const outcome = await attend(call);
console.log(JSON.stringify({ outcome, extra: process.resourceUsage().maxRSS * 1024 - before }));
