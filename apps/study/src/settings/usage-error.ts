/** A mistake in a command line or a study's file; it is shown without a stack, and the exit code is 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
