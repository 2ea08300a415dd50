import type { Reporter, TestModule, SerializedError } from "vitest/node";

/**
 * Ends a run with `N passed, N failed, N skipped` alone on a line. A file that could not be loaded and an error outside
 * any test count as failures, so that the line never says less than the exit status.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<SerializedError>): void {
    const count = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      let failedInside = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") count.passed += 1;
        else if (state === "skipped") count.skipped += 1;
        else failedInside += 1;
      }
      // A hook or an import that throws fails the file without failing any one test in it.
      count.failed += failedInside === 0 && module.state() === "failed" ? 1 : failedInside;
    }
    if (count.passed + count.failed + count.skipped === 0) count.failed = 1;
    process.stdout.write(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
  }
}
