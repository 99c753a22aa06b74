/** The newest lines of a log, for diagnostics. Bounded: a host may run for weeks. */
export class LogLines {
  readonly #limit: number;
  #lines: string[] = [];

  /** @param limit Enough to see what led to a problem, little enough to paste. */
  constructor(limit = 200) {
    this.#limit = limit;
  }

  add(text: string): void {
    const stamp = new Date().toISOString();
    this.#lines = [...this.#lines, `${stamp} ${text.replace(/\s*\n\s*/g, ' | ')}`].slice(
      -this.#limit,
    );
  }

  get lines(): readonly string[] {
    return this.#lines;
  }
}
