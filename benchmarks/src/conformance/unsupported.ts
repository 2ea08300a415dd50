/** An operator, attribute or type that is not implemented: the test that needs it is skipped, not failed. */
export class Unsupported extends Error {
  override readonly name = "Unsupported";
}
