import { styleText } from "node:util";

class Stopped extends Error {}

/** A list of named checks that runs to its end, prints a line for each, and ends the process non-zero on a failure. */
export class Checks {
  #passed = 0;
  #failed = 0;
  #skipped = 0;

  /** Whether the check passed, so that what depends on it can be left out. */
  async check(name: string, body: () => void | string | Promise<void | string>): Promise<boolean> {
    const begin = performance.now();
    try {
      const detail = await body();
      this.#passed += 1;
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      console.log(`${styleText("green", "ok  ")} ${name}${detail ? `: ${detail}` : ""} (${seconds} s)`);
      return true;
    } catch (error) {
      this.#failed += 1;
      console.log(`${styleText("red", "FAIL")} ${name}\n${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  }

  /** A check without which the rest makes no sense: its failure ends the list. */
  async require(name: string, body: () => void | string | Promise<void | string>): Promise<void> {
    if (!(await this.check(name, body))) throw new Stopped();
  }

  skip(name: string, reason: string): void {
    this.#skipped += 1;
    console.log(`${styleText("yellow", "skip")} ${name}: ${reason}`);
  }

  /** Runs the whole list; call once. */
  async run(list: () => Promise<void>): Promise<void> {
    try {
      await list();
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      console.log("stopped: the checks that follow depend on this one");
    } finally {
      this.#finish();
    }
  }

  #finish(): void {
    if (this.#passed + this.#failed === 0) this.#failed = 1;
    console.log(`\n${this.#passed} passed, ${this.#failed} failed, ${this.#skipped} skipped`);
    if (this.#failed > 0) process.exitCode = 1;
  }
}
