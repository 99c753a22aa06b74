import Table from 'cli-table3';
import {
  isStderrTerminal,
  isStdoutTerminal,
  painted,
  printError,
  printJson,
  printOut,
  printPainted,
  streamOut,
  styled,
  type Style,
} from './terminal.ts';
import { onOneLine } from './terminal-text.ts';

/**
 * Where a command's words go. Results belong on stdout; with `--json` stdout carries exactly one document and nothing
 * else. Notes and progress belong on stderr. Everything is cleaned on its way (`terminal.ts`).
 */
export class Output {
  readonly json: boolean;
  readonly #coloured: boolean;
  readonly #stream = streamOut();
  /** Whether a streamed text stands on stdout without an end of its line. */
  #isMidLine = false;

  constructor(options: { json: boolean }) {
    this.json = options.json;
    this.#coloured = isStdoutTerminal && (process.env['NO_COLOR'] ?? '') === '';
  }

  /** True when a person watches and nothing on stdout must stay clean. */
  get interactive(): boolean {
    return isStderrTerminal && !this.json;
  }

  style(style: Style, text: string): string {
    return this.#coloured ? styled(style, text) : text;
  }

  /** A line of the result, for people; silent with `--json`. Names that hold line breaks stay on it. */
  line(text = ''): void {
    this.block(onOneLine(text));
  }

  /** Lines of the result as they are: an answer. */
  block(text: string): void {
    if (this.json) return;
    this.#stream.end();
    this.#isMidLine = false;
    printOut(`${text}\n`);
  }

  /** Part of a line of the result, for text that streams; `line` ends it. */
  write(text: string): void {
    if (this.json) return;
    this.#stream.write(text);
    if (text !== '') this.#isMidLine = !text.endsWith('\n');
  }

  /** A remark that is no part of the result, on one line. */
  note(text: string): void {
    this.noteBlock(onOneLine(text));
  }

  /** A remark of several lines. */
  noteBlock(text: string): void {
    // A remark in the middle of an answer, of an error that ended it, stands on a line of its own.
    if (this.#isMidLine) this.line();
    printError(`${text}\n`);
  }

  /** The result as a machine wants it: printed only with `--json`. Call it once. */
  document(value: unknown): void {
    if (this.json) printJson(value);
  }

  /** A table for people; numbers (columns named in `right`) are aligned to the right. */
  table(
    head: readonly string[],
    rows: readonly (readonly string[])[],
    right: readonly number[] = [],
  ): void {
    if (this.json) return;
    const table = new Table({
      head: head.map((cell) => painted(this.style('dim', cell))),
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
    for (const row of rows) table.push(row.map((cell) => painted(onOneLine(cell))));
    for (const line of table.toString().split('\n')) printPainted(`${line.trimEnd()}\n`);
  }
}
