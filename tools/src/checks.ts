import { styleText } from "node:util";

/** A list of named checks that runs to its end, prints a line for each, and ends the process non-zero on a failure. */
export class Checks {
  #passed = 0;
  #failed = 0;
  #skipped = 0;

  async check(name: string, body: () => void | string | Promise<void | string>): Promise<void> {
    const begin = performance.now();
    try {
      const detail = await body();
      this.#passed += 1;
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      console.log(`${styleText("green", "ok  ")} ${name}${detail ? `: ${detail}` : ""} (${seconds} s)`);
    } catch (error) {
      this.#failed += 1;
      console.log(`${styleText("red", "FAIL")} ${name}\n${error instanceof Error ? error.message : String(error)}`);
    }
  }

  skip(name: string, reason: string): void {
    this.#skipped += 1;
    console.log(`${styleText("yellow", "skip")} ${name}: ${reason}`);
  }

  finish(): void {
    if (this.#passed + this.#failed === 0) this.#failed = 1;
    console.log(`\n${this.#passed} passed, ${this.#failed} failed, ${this.#skipped} skipped`);
    if (this.#failed > 0) process.exitCode = 1;
  }
}
