import type { Readable } from 'node:stream';

/** `at f (file:1:2)` of JavaScript, `1: 0xdef f() [node]` of Node, `#3 0xabc in f` of a sanitizer, and their headings. */
const stackFrame = /^(?:at |\d+: |#\d+ |-{4,})/;

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
      this.append(chunk);
    });
  }

  append(text: string): void {
    this.#text = (this.#text + text).slice(-this.#maxCharacters);
  }

  /** The last lines, at most `count`, in one line. Stack frames are left out: what went wrong stands above them. */
  lastLines(count: number): string {
    return this.#text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !stackFrame.test(line))
      .slice(-count)
      .join(' | ');
  }
}
