import { styleText } from 'node:util';
import Table from 'cli-table3';

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/**
 * Where a command's words go. Results belong on stdout; with `--json` stdout carries exactly one document and nothing
 * else. Notes and progress belong on stderr.
 */
export class Output {
  readonly json: boolean;
  readonly #coloured: boolean;

  constructor(options: { json: boolean }) {
    this.json = options.json;
    this.#coloured = process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '';
  }

  /** True when a person watches and nothing on stdout must stay clean. */
  get interactive(): boolean {
    return process.stderr.isTTY && !this.json;
  }

  style(style: Style, text: string): string {
    return this.#coloured ? styleText(style, text) : text;
  }

  /** A line of the result, for people; silent with `--json`. */
  line(text = ''): void {
    if (!this.json) process.stdout.write(`${text}\n`);
  }

  /** Part of a line of the result, for text that streams. */
  write(text: string): void {
    if (!this.json) process.stdout.write(text);
  }

  /** A remark that is no part of the result. */
  note(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  /** The result as a machine wants it: printed only with `--json`. Call it once. */
  document(value: unknown): void {
    if (this.json) process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** A table for people; numbers (columns named in `right`) are aligned to the right. */
  table(
    head: readonly string[],
    rows: readonly (readonly string[])[],
    right: readonly number[] = [],
  ): void {
    if (this.json) return;
    const table = new Table({
      head: head.map((cell) => this.style('dim', cell)),
      colAligns: head.map((_, column) => (right.includes(column) ? 'right' : 'left')),
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
      chars: {
        top: '',
        'top-mid': '',
        'top-left': '',
        'top-right': '',
        bottom: '',
        'bottom-mid': '',
        'bottom-left': '',
        'bottom-right': '',
        left: '',
        'left-mid': '',
        mid: '',
        'mid-mid': '',
        right: '',
        'right-mid': '',
        middle: '',
      },
    });
    for (const row of rows) table.push([...row]);
    for (const line of table.toString().split('\n')) this.line(line.trimEnd());
  }
}
