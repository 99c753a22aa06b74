import type { Readable } from 'node:stream';

/** The last part of what a process printed, to say why it died. Bounded: a process may print for ever. */
export class OutputTail {
  readonly #maxCharacters: number;
  #text = '';

  /** @param maxCharacters Enough for a native stack trace. */
  constructor(maxCharacters = 16_384) {
    this.#maxCharacters = maxCharacters;
  }

  /** Keeps reading `stream`, so that the process never waits for a reader. */
  follow(stream: Readable | null): void {
    stream?.setEncoding('utf8');
    stream?.on('data', (chunk: string) => {
      this.#text = (this.#text + chunk).slice(-this.#maxCharacters);
    });
  }

  /** The last lines that are not empty, at most `count`, in one line. */
  lastLines(count: number): string {
    return this.#text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .slice(-count)
      .join(' | ');
  }
}
