import { type ConstructedHead, type HeadContext, type HeadJob } from "./head.ts";
import { inductionHead } from "./induction.ts";
import { localHead } from "./local.ts";
import { sinkHead } from "./sink.ts";

/** Jobs of the key heads in turn: key head g does the job at g modulo 3, so that a single head retrieves. */
export const JOBS: readonly HeadJob[] = ["induction", "local", "sink"];

/** The job of key head g and of the query heads that share it. */
export function jobOf(kvHead: number): HeadJob {
  return JOBS[kvHead % JOBS.length]!;
}

/** Builds key head g. */
export function constructHead(kvHead: number, context: HeadContext): ConstructedHead {
  const job = jobOf(kvHead);
  switch (job) {
    case "induction":
      return inductionHead(context);
    case "local":
      return localHead(context);
    case "sink":
      return sinkHead(context);
  }
}
