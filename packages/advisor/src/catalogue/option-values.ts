/** Values of all options of a variant, defaults filled in, read by name. */
export class OptionValues {
  readonly #values: Readonly<Record<string, number | string>>;

  constructor(values: Readonly<Record<string, number | string>>) {
    this.#values = values;
  }

  number(name: string): number {
    const value = this.#values[name];
    if (typeof value !== "number") throw new Error(`option ${name} is ${String(value)}, expected a number`);
    return value;
  }

  word(name: string): string {
    const value = this.#values[name];
    if (typeof value !== "string") throw new Error(`option ${name} is ${String(value)}, expected a word`);
    return value;
  }

  /** Whether an option of yes and no is yes. */
  is(name: string): boolean {
    return this.word(name) === "yes";
  }
}
